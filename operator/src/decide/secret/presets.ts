// Presets: the keys and labels that known programs read from a Secret. docs/integrations has the versions that were checked.
import type { Preset } from '../../api/client-secret.ts'
import { filePresets } from './preset-files.ts'
import type { PresetData, PresetInput, PresetRow } from './preset-row.ts'
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
