// The frame of the help desk's pages.
import { paths } from '@nauthera/rules/endpoints'
import { areaOf } from '../account/frame/frame.ts'
import type { Said } from '../account/frame/said.ts'
import { ownClientId } from '../oidc/clients/own-client.ts'
import type { PageRequest } from '../reply.ts'

export interface FrameNeeds {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  readonly said: Said
}

export const deskArea = areaOf('admin.people.title', [
  { id: 'people', path: paths.admin },
  { id: 'clients', path: `${paths.admin}/clients` },
  { id: 'keys', path: `${paths.admin}/keys` },
  { id: 'account', path: paths.account },
])

/** A parameter of a search, '' when there is none. */
export const searched = ({ query }: PageRequest, name: string): string => (query.get(name) ?? '').slice(0, longest)

/** Where somebody signed in: at an application, or at our own pages, which have no name for people. */
export const signedInAt = (clientId: string | undefined) =>
  clientId === ownClientId ? { clientId: undefined, isAtAccount: true } : { clientId, isAtAccount: false }

/** Characters. */
const longest = 2000
