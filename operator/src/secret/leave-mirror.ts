// A step: ends the look at a client of a joined cluster that has no secret. Its Secret, if any, is in its own cluster.
import { tenantOf } from '@nauthera/rules/tenants'
import { listsSecrets } from '../decide/secret/listed-secrets.ts'
import { passed } from './look.ts'
import type { SecretStep } from './look.ts'
import type { EntryWriter } from './put-entry.ts'

export const createLeaveMirror =
  ({ announce }: Pick<EntryWriter, 'announce'>): SecretStep =>
  async (look) => {
    const { client } = look.judgement
    if (tenantOf(client.metadata).cluster === undefined || listsSecrets(client)) return passed
    await announce(look)
    return { kind: 'ended', secret: { kind: 'elsewhere', name: undefined } }
  }
