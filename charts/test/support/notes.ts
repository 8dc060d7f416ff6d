// helm template prints no notes. A copy of the chart, in which NOTES.txt is the text of an object too, has the same engine
// render them.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chart } from './render.ts'

export interface ChartWithNotes {
  readonly directory: string
  remove(): Promise<void>
}

/** @returns a chart that renders a further ConfigMap named `notes` */
export async function copyWithNotes(): Promise<ChartWithNotes> {
  const directory = await mkdtemp(join(tmpdir(), 'nauthera-notes-'))
  await cp(chart, directory, { recursive: true })
  const notes = await readFile(join(chart, 'templates/NOTES.txt'), 'utf8')
  const text = notes.replaceAll('\n', '\n    ')
  const object = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata:\n  notes: |\n    ${text}\n`
  await writeFile(join(directory, 'templates/notes.yaml'), object)
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) }
}
