// What follows from the rows of presets for the schema of a client: their names, and what kubectl explain says of them.
import { presetRows } from './preset-rows.ts'
import type { PresetRow } from './preset-rows.ts'

export type Preset = keyof typeof presetRows

export const presets: readonly Preset[] = namesIn(presetRows)

export const presetRow = (preset: Preset): PresetRow => presetRows[preset]

function namesIn<Rows extends object>(rows: Rows): Extract<keyof Rows, string>[] {
  const names: Extract<keyof Rows, string>[] = []
  for (const name in rows) names.push(name)
  return names
}

/** With which version of its program each was checked, and the callback path of the program: `ArgoCD 3.6.1 (/auth/callback)`. */
export const checkedPresets: readonly string[] = presets.flatMap((preset) => {
  const { version, callback } = presetRow(preset)
  return version === undefined ? [] : `${preset} ${version}${callback === undefined ? '' : ` (${callback})`}`
})

/** Each preset whose program takes no ID token that is signed with EdDSA, with the words for it. */
export const presetsWithoutEdDSA: ReadonlyMap<Preset, string> = new Map(
  presets.flatMap((preset): [Preset, string][] => {
    const { refusesEdDSA } = presetRow(preset)
    if (refusesEdDSA === undefined) return []
    return [
      [preset, `must not be EdDSA with the preset ${preset}: ${refusesEdDSA}; remove it or choose RS256 or ES256`],
    ]
  }),
)
