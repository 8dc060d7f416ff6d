import { loadSettings } from '@nauthera/runtime/settings'
import { settingsSchema } from '../../../src/settings.ts'
import type { UpstreamSettings } from '../../../src/settings/upstream.ts'

/** One provider as the settings read it. */
export function providerSettings(settings: object): UpstreamSettings {
  const provider = { id: 'corp', issuer: 'https://corp.example.com', clientId: 'nauthera', ...settings }
  const all = { issuer: 'https://login.example.com', database: { host: 'postgres' }, upstreams: [provider] }
  return loadSettings(settingsSchema, { file: 'test', text: JSON.stringify(all) }).upstreams[0]!
}
