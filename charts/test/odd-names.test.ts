import fc from 'fast-check'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { modes, render } from './support/render.ts'

// Kubernetes reads YAML 1.1, in which a bare n is a boolean, 1e3 a number and 2001-01-01 a time: a label with one of them is refused.

const odd = ['n', 'y', 'no', 'on', 'off', 'yes', 'true', 'null', '1e3', '0', '012', '0x1f', '0b1', '2001-01-01', '1']
const oddName = fc.constantFrom(...odd)

const plain = { release: 'name-a', namespace: 'name-b', value: 'name-c' }

/** @returns each value with its path, and of what type YAML 1.1 says it is */
function typesOf(text: string): string[] {
  const types: string[] = []
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) value.forEach((item, n) => walk(item, `${path}[${n}]`))
    else if (value instanceof Map) for (const [key, item] of value) walk(item, `${path}.${typeof key}`)
    else types.push(`${path}: ${value instanceof Date ? 'time' : value === null ? 'null' : typeof value}`)
  }
  parseAllDocuments(text, { version: '1.1' }).forEach((document, n) => walk(document.toJS({ mapAsMap: true }), `${n}`))
  return types
}

const renderNamed = (mode: string, { release, namespace, value }: typeof plain): Promise<string> =>
  render({
    mode,
    release,
    namespace,
    values: {
      ...(mode === 'everything' || /^[a-z]/.test(release)
        ? {}
        : { fullnameOverride: /^[a-z]/.test(value) ? value : 'null' }),
      server: { serviceAccount: { create: false, name: value }, podLabels: { odd: value } },
      operator: { serviceAccount: { create: false, name: value }, serverName: value },
      global: { commonLabels: { odd: value } },
    },
  })

describe('names that YAML reads as something else', () => {
  it('stay text wherever they stand, as release, namespace, account and label', async () => {
    await fc.assert(
      fc.asyncProperty(
        oddName,
        oddName,
        oddName,
        fc.constantFrom(...modes),
        async (release, namespace, value, mode) => {
          const [there, here] = await Promise.all([
            renderNamed(mode, { release, namespace, value }),
            renderNamed(mode, plain),
          ])
          expect(typesOf(there)).to.deep.equal(typesOf(here))
        },
      ),
      {
        numRuns: propertyRuns(2),
        examples: [
          ['n', 'y', '1e3', 'everything'],
          ['null', '1e3', 'n', 'minimal'],
        ],
        verbose: 1,
      },
    )
  })
})
