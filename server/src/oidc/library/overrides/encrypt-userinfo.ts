import { userinfoEncryption } from '@nauthera/rules/encryption'
import { isForEncryption, keyForEncryption } from '@nauthera/rules/jwks'
import { errors } from 'oidc-provider'
import { encryptTo } from '../../keys/encrypt-to.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { IdToken, Internals } from '../shapes.ts'

/** IdToken.prototype.issue: encrypts signed userinfo for a client that wants it (OpenID Connect Core 5.3.2). The library's own feature
 *  would also accept encrypted request objects, and encrypt to unsuitable keys. */
export function encryptUserinfo({ IdToken }: Internals, { clients }: Pick<OverrideNeeds, 'clients'>): void {
  replace(
    IdToken.prototype,
    'issue',
    (original) =>
      async function issue(this: IdToken, options) {
        const signed = await original.call(this, options)
        if (options.use !== 'userinfo' || signed === undefined) return signed
        const encryption = userinfoEncryption(clients.registered(this.client).config)
        if (encryption === undefined) return signed
        const { asymmetricKeyStore: keys } = this.client
        await keys.refresh()
        const key = [...keys].find((one) => isForEncryption(one, encryption.alg))
        if (key !== undefined) return encryptTo(key, signed, encryption)
        const lacking = `for ${encryption.alg}: ${keyForEncryption(encryption.alg)}`
        throw new errors.InvalidClientMetadata(`userinfo cannot be encrypted: the client has no key ${lacking}`)
      },
  )
}
