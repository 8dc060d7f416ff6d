import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { specPathOf } from '@nauthera/proto/spec-path'

/** A client's field as the people who wrote the OIDCClient know it: its path in the spec. */
export const specWords = Object.fromEntries(
  ClientConfigSchema.fields.map((field) => [field.localName, specPathOf(field)]),
) as Readonly<Record<Exclude<keyof ClientConfig, `$${string}`>, string>>
