import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import type { Json } from '../kube-client.ts'
import type { Subject } from './subject.ts'
import { group } from './subject.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

export function examples(on: Subject): void {
  const { clients, namespace } = on
  describe('examples', () => {
    for (const { file, objects } of [...manifests('examples/clients'), ...manifests('examples/clusters')]) {
      it(`accepts ${file}`, async () => {
        for (const object of objects.filter(({ kind }) => kind === 'OIDCClient')) {
          const accepted = await on.api.call('POST', clients, {
            query: { dryRun: 'All', fieldValidation: 'Strict' },
            body: { ...object, metadata: { ...object.metadata, namespace } },
          })
          expect(accepted.status, JSON.stringify(accepted.body)).to.equal(201)
        }
      })
    }
    for (const { file, objects, expected } of manifests('examples/bad')) {
      if (expected.length === 0) continue
      it(`refuses ${file}: ${expected.map(({ path }) => path).join(', ')}`, async () => {
        const answers = []
        for (const object of objects) {
          const path = object.kind === 'OIDCPolicy' ? `${group}/oidcpolicies` : clients
          const metadata = object.kind === 'OIDCPolicy' ? object.metadata : { ...object.metadata, namespace }
          const query = { dryRun: 'All', fieldValidation: 'Strict' }
          answers.push(await on.api.call('POST', path, { query, body: { ...object, metadata } }))
        }
        const refused = answers.filter(({ status }) => status >= 400)
        expect(refused, 'nothing was refused').to.not.have.length(0)
        const text = refused.map(({ body }) => body.message).join('\n')
        for (const { path, message } of expected) {
          expect(text.includes(path) && text.includes(message), `${path}: ${message}\nis not in\n${text}`).to.equal(
            true,
          )
        }
      })
    }
  })
}

interface Manifest {
  readonly file: string
  readonly objects: readonly Json[]
  /** What the API server says, from the manifest's comments `# expect: PATH: MESSAGE`; none: only the operator refuses it. */
  readonly expected: readonly { path: string; message: string }[]
}

/** The YAML files of a directory; none when there is no such directory. */
function manifests(directory: string): Manifest[] {
  const path = `${root}${directory}`
  if (!existsSync(path)) return []
  return readdirSync(path)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const text = readFileSync(`${path}/${file}`, 'utf8')
      const objects = parseAllDocuments(text)
        .map((document) => document.toJS() as Json)
        .filter(Boolean)
      const isOurs = /^# refused by: operator/m.test(text)
      const promises = isOurs ? [] : [...text.matchAll(/^# expect: ([^:]+): (.+)$/gm)]
      const expected = promises.map(([, path, message]) => ({ path: path!.trim(), message: message!.trim() }))
      return { file: `${directory}/${file}`, objects, expected }
    })
}
