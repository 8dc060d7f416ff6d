// The sections about second factors on the security page: authenticator app, passkeys, recovery codes.
import type { SecuritySection } from '../../reply/account-pages.ts'
import type { Factor, Factors } from '../../store/factors/factors.ts'
import { mostPasskeys } from '../../store/factors/passkeys.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import { accountPaths } from '../frame/frame.ts'
import type { SignedInPerson } from '../frame/gate.ts'

interface Needs {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  readonly factors: Pick<Factors, 'of' | 'recoveryCodesLeft'>
  readonly secondFactor: SecondFactorPolicy
}

const { security } = accountPaths
export const factorPaths = {
  app: `${security}/app`,
  removeApp: `${security}/remove-app`,
  passkey: `${security}/passkey`,
  removePasskey: `${security}/remove-passkey`,
  rename: `${security}/rename`,
  codes: `${security}/recovery-codes`,
} as const

/** @returns nothing when second factors are off */
export async function factorSections(needs: Needs, { user }: SignedInPerson): Promise<SecuritySection[]> {
  if (needs.secondFactor.policy === 'off') return []
  const factors = await needs.factors.of(user.id)
  const app = factors.find(({ kind }) => kind === 'totp')
  const passkeys = factors.filter(({ kind }) => kind === 'passkey')
  const sections = [app === undefined ? withoutApp(needs) : withApp(needs, app), passkeysSection(needs, passkeys)]
  if (factors.length === 0) return sections
  return [...sections, codesSection(needs, await needs.factors.recoveryCodesLeft(user.id))]
}

const withoutApp = ({ basePath }: Needs): SecuritySection => ({
  id: 'app',
  text: { key: 'security.app.none' },
  items: [],
  actions: [{ id: 'set-up-app', href: `${basePath}${factorPaths.app}`, key: 'security.app.set-up', isMain: true }],
})

const withApp = (needs: Needs, app: Factor): SecuritySection => ({
  id: 'app',
  text: { key: 'security.app.since', at: app.createdAt },
  items: [itemOf(needs, app)],
  actions: [
    { id: 'replace-app', href: `${needs.basePath}${factorPaths.app}`, key: 'security.app.replace' },
    { id: 'remove-app', href: `${needs.basePath}${factorPaths.removeApp}`, key: 'security.app.remove' },
  ],
})

export const hasAllPasskeys = (factors: readonly Pick<Factor, 'kind'>[]): boolean =>
  factors.filter(({ kind }) => kind === 'passkey').length >= mostPasskeys

const passkeysSection = (needs: Needs, passkeys: readonly Factor[]): SecuritySection => ({
  id: 'passkeys',
  text: hasAllPasskeys(passkeys)
    ? { key: 'security.passkeys.full', values: { most: mostPasskeys } }
    : { key: 'security.passkeys.text' },
  items: passkeys.map((passkey) =>
    itemOf(needs, passkey, {
      id: `remove-passkey-${passkey.id}`,
      href: `${needs.basePath}${factorPaths.removePasskey}?id=${passkey.id}`,
      key: 'security.passkeys.remove',
    }),
  ),
  actions: hasAllPasskeys(passkeys)
    ? []
    : [{ id: 'add-passkey', href: `${needs.basePath}${factorPaths.passkey}`, key: 'security.passkeys.add' }],
})

type Item = SecuritySection['items'][number]

function itemOf({ basePath }: Needs, factor: Factor, ...more: Item['actions']): Item {
  const { id, name, createdAt, lastUsedAt } = factor
  const rename = { id: `rename-${id}`, href: `${basePath}${factorPaths.rename}?id=${id}`, key: 'security.rename.link' }
  return {
    name,
    note: { key: lastUsedAt ? 'security.passkeys.used' : 'security.passkeys.since', at: lastUsedAt ?? createdAt },
    actions: [rename, ...more],
  }
}

const codesSection = ({ basePath }: Needs, left: number): SecuritySection => ({
  id: 'codes',
  text: { key: 'security.codes.left', values: { left } },
  items: [],
  actions: [{ id: 'new-codes', href: `${basePath}${factorPaths.codes}`, key: 'security.codes.new' }],
})
