import { loadSettings } from '@nauthera/runtime/settings'
import { settingsSchema } from '../../../src/settings.ts'
import type { UpstreamSettings } from '../../../src/settings/upstream.ts'

/** One provider as the settings read it. */
export const providerSettings = (settings: object): UpstreamSettings => providersSettings([settings])[0]!

/** Several of them. */
export function providersSettings(each: readonly object[]): UpstreamSettings[] {
  const upstreams = each.map((settings) => ({
    id: 'corp',
    issuer: 'https://corp.example.com',
    clientId: 'nauthera',
    ...settings,
  }))
  const all = { issuer: 'https://login.example.com', database: { host: 'postgres' }, upstreams }
  return loadSettings(settingsSchema, { file: 'test', text: JSON.stringify(all) }).upstreams
}
