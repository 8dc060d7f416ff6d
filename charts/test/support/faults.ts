// What validate.yaml says of many sets of values, with one Helm process: in place of failing, a copy of it writes its faults down. The copy
// of the chart has no other template, and stands in a parent chart once for each set, under a name of its own.
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { chart, merge, parseManifests, runHelm } from './render.ts'

const failing = '{{- fail (printf "\\n\\n%d values of nauthera cannot be used:\\n  - %s\\n"'

/** @param sets over the values of `ci/minimal.yaml`
 *  @returns the faults of each, in the same order
 *  @throws when the schema refuses one of them */
export async function faultsOf(sets: readonly object[]): Promise<readonly (readonly string[])[]> {
  const minimal: unknown = parse(await readFile(join(chart, 'ci/minimal.yaml'), 'utf8'))
  const parent = await mkdtemp(join(tmpdir(), 'nauthera-faults-'))
  try {
    const copy = join(parent, 'charts/nauthera')
    await mkdir(join(copy, 'templates'), { recursive: true })
    const templates = (await readdir(join(chart, 'templates'))).filter((name) => name.startsWith('_'))
    for (const file of ['Chart.yaml', 'values.yaml', ...templates.map((name) => `templates/${name}`)])
      await cp(join(chart, file), join(copy, file))
    const validate = await readFile(join(chart, 'templates/validate.yaml'), 'utf8')
    const [rules, end, ...more] = validate.split('{{- if $faults }}\n')
    if (!end?.startsWith(failing) || more.length > 0) throw new Error('validate.yaml ends in another way')
    const written = 'kind: Faults\nmetadata: {name: {{ .Chart.Name }}}\nfaults: {{ toJson $faults }}\n'
    await writeFile(join(copy, 'templates/validate.yaml'), `${rules}\n${written}`)
    const names = sets.map((_, index) => `set-${index}`)
    const dependencies = names.map((alias) => ({ name: 'nauthera', version: '*-0', alias }))
    await writeFile(
      join(parent, 'Chart.yaml'),
      stringify({ apiVersion: 'v2', name: 'parent', version: '1.0.0', dependencies }),
    )
    // compiled once, in place of once for each set
    const schema = JSON.parse(await readFile(join(chart, 'values.schema.json'), 'utf8')) as { definitions: unknown }
    const ofSets = { definitions: schema.definitions, patternProperties: { '^set-': schema } }
    await writeFile(join(parent, 'values.schema.json'), JSON.stringify(ofSets))
    const values = Object.fromEntries(sets.map((set, index) => [names[index], merge(minimal, set)]))
    await writeFile(join(parent, 'sets.json'), JSON.stringify(values))
    const flags = ['--kube-version', '1.37.0', '--api-versions', 'cert-manager.io/v1']
    const text = await runHelm('helm3', [
      'template',
      'nauthera',
      parent,
      ...flags,
      '--values',
      join(parent, 'sets.json'),
    ])
    const found = new Map(parseManifests(text).map((object) => [object.metadata.name, object['faults'] as string[]]))
    return names.map((name) => found.get(name)!)
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
}
