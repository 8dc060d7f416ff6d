// Presets: the keys and labels that known programs read from a Secret. docs/integrations has the versions that were checked.
import { canonicalKeys, checkedPresets, presets } from '../../api/client-secret.ts'
import type { Preset } from '../../api/client-secret.ts'
import type { OIDCClientSpec } from '../../api/oidc-client.ts'
import { filePresets } from './preset-files.ts'
import type { PresetData, PresetInput, PresetRow, SecretValues } from './preset-row.ts'
import { variablePresets } from './preset-variables.ts'

const rows: Readonly<Record<Preset, PresetRow>> = { ...variablePresets, ...filePresets }

/** @returns the keys that a preset adds */
export const presetData = (preset: Preset, input: PresetInput): PresetData => rows[preset].data(input)

/** Whether the program refuses an issuer over http, as in development. */
export const needsHttps = (preset: Preset): boolean => rows[preset].needsHttps === true

/** @returns the option of the program that turns PKCE on */
export const presetPkce = (preset: Preset): string | undefined => rows[preset].pkce

/** @returns the labels that a preset adds */
export const presetLabels = (preset: Preset): PresetData => rows[preset].labels ?? {}

/** More than the usual scopes and those of a few APIs. */
const mostScopes = 50

/** A client for which a preset writes every key that it has. */
function sampleFor(preset: Preset): PresetInput {
  const home = 'https://app.example.com'
  const redirect = `${home}${checkedPresets[preset]?.callback ?? '/callback'}`
  const values: SecretValues = {
    client_id: 'a.b',
    client_secret: 'x',
    issuer: home,
    discovery_url: home,
    authorization_endpoint: home,
    token_endpoint: home,
    userinfo_endpoint: home,
    jwks_uri: home,
    end_session_endpoint: home,
    // AspNetCore numbers them
    scopes: Array.from({ length: mostScopes }, (_, n) => `s${n}`).join(' '),
    redirect_uris: redirect,
  }
  const spec: OIDCClientSpec = {
    type: 'Web',
    redirectURIs: [redirect],
    postLogoutRedirectURIs: [home],
    claims: [{ name: 'roles', fromGroups: { Admin: ['admins'] } }],
  }
  return { values, spec, secretName: 'a' }
}

/** Every key that the operator names itself: the usual ones, and those of presets. Other keys have names that a tenant chose. */
export const ownKeys: ReadonlySet<string> = new Set([
  ...canonicalKeys,
  ...presets.flatMap((preset) => Object.keys(presetData(preset, sampleFor(preset)))),
])
