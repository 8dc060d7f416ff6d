// Field of ClientConfig -> its path in the OIDCClient.
import { getOption } from '@bufbuild/protobuf'
import type { DescField } from '@bufbuild/protobuf'
import { spec_path } from './generated/nauthera/config/v1/config_pb.ts'

/** @param field of ClientConfig
 *  @returns its path in the spec of the OIDCClient, such as `auth.jwksURI` */
export const specPathOf = (field: DescField): string => getOption(field, spec_path) || field.localName
