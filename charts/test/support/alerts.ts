// The alerts and dashboards of the chart, and promtool where it is installed.
import { accessSync, constants, readFileSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { parse } from 'yaml'
import { chart } from './render.ts'

export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: { readonly severity: string }
  readonly annotations: Readonly<Record<string, string>>
}

const directory = join(chart, 'files/alerts')

/** The alerts by the name of their file, without its ending. */
export const alerts: ReadonlyMap<string, Alert> = new Map(
  readdirSync(directory).map((file) => [
    file.replace(/\.yaml$/, ''),
    parse(readFileSync(join(directory, file), 'utf8')) as Alert,
  ]),
)

/** A query of a dashboard. */
export interface Query {
  readonly dashboard: string
  readonly panel: string
  readonly expr: string
}

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[]
}

/** Every query of every dashboard. */
export const queries: readonly Query[] = readdirSync(join(chart, 'files/dashboards')).flatMap((file) => {
  const { panels } = JSON.parse(readFileSync(join(chart, 'files/dashboards', file), 'utf8')) as Dashboard
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ dashboard: file.replace(/\.json$/, ''), panel: title, expr })),
  )
})

/** @returns the path of a program of Debian's package `prometheus`; undefined where it is not installed */
export function findPrometheus(program: 'prometheus' | 'promtool'): string | undefined {
  const places = (process.env['PATH'] ?? '').split(delimiter).map((place) => join(place, program))
  return places.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
