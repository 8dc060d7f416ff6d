import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import type { OIDCPolicy } from '@nauthera/operator/api/oidc-policy'
import { presetRow, presets } from '@nauthera/operator/api/presets'
import { checkPolicySpec } from '@nauthera/operator/decide/client/check-spec'
import type { Policies } from '@nauthera/operator/decide/client/policies'
import { renderSecret } from '@nauthera/operator/decide/secret/secret'
import { Secret } from '@nauthera/runtime/secret'
import { baseline, ownRefusals, refusals, withMetadata } from '../../operator/test/api/refusals.ts'
import { manners, readIntegrations, renderIntegrationIndex } from '../../scripts/integrations.ts'
import type { Integration } from '../../scripts/integrations.ts'
import { declaredPrograms } from '../programs/support/program.ts'

// docs/integrations: a page cannot say what the product refuses, nor what its own manifest or the test of its program does not.

const headings = [
  'What you get',
  'The client',
  'How the Secret reaches it',
  'Groups and roles',
  'Signing out',
  'Rotation',
  'How it was checked',
]

const pages = readIntegrations()

/** Each page with what is wrong there. */
const faultsIn = (faultsOf: (page: Integration) => readonly string[]): string[] =>
  pages.flatMap((page) => faultsOf(page).map((fault) => `${page.name}: ${fault}`))

const section = ({ text }: Integration, heading: string): string =>
  text.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!

interface Manifest {
  readonly kind?: string
}

/** What stands between three backticks; `language` is empty where none is named. */
const blocksOf = (text: string) =>
  [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, language, block]) => ({ language, block: block! }))

/** The documents of all YAML blocks of each page @throws Error for one that does not parse */
const documents = new Map(
  pages.map((page) => {
    const found = blocksOf(page.text)
      .filter(({ language }) => language === 'yaml')
      .flatMap(({ block }) => parseAllDocuments(block))
    for (const { errors } of found) if (errors[0]) throw new Error(`${page.name}: ${errors[0].message}`)
    return [page, found.map((document) => document.toJS() as Manifest)]
  }),
)
const documentsOf = (page: Integration): readonly Manifest[] => documents.get(page)!

const isClient = (found: Manifest): found is OIDCClient => found.kind === 'OIDCClient'
const isPolicy = (found: Manifest): found is OIDCPolicy => found.kind === 'OIDCPolicy'
const clientsOf = (page: Integration): OIDCClient[] => documentsOf(page).filter(isClient).map(withMetadata)

const [demo] = parseAllDocuments(readFileSync('examples/policies/demo.yaml', 'utf8')).map(
  (document) => document.toJS() as OIDCPolicy,
)

/** A page that needs more than the policy of the examples shows its own. */
function policiesFor(page: Integration): Policies {
  const own = documentsOf(page).filter(isPolicy)
  return [...(own.length > 0 ? own : [demo!]).map(({ spec, metadata }) => ({ spec, name: metadata.name })), ...baseline]
}

const secretOf = (client: OIDCClient) => {
  const rendered = renderSecret({
    client,
    clientId: 'x',
    issuer: 'https://login.example.com',
    plain: new Secret('y'.repeat(43)),
    marks: undefined,
  })
  if (rendered.kind === 'invalid') throw new Error(`${client.metadata.name}: ${JSON.stringify(rendered.faults)}`)
  return rendered.secret
}

/** What refers to keys of a Secret, as `secretKeyRef` and `items` of a volume do. */
function keysTaken(value: unknown): { secret: string; key: string }[] {
  if (typeof value !== 'object' || value === null) return []
  const { name, key, secretName, items } = value as Record<string, unknown>
  const here = typeof name === 'string' && typeof key === 'string' ? [{ secret: name, key }] : []
  const mounted =
    typeof secretName === 'string' && Array.isArray(items)
      ? (items as { key: string }[]).map(({ key }) => ({ secret: secretName, key }))
      : []
  return [...here, ...mounted, ...Object.values(value).flatMap(keysTaken)]
}

describe('docs/integrations', () => {
  it('has pages of one form', () => {
    const wrong = faultsIn(({ text }) => {
      const found = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
      return found.join() === headings.join() ? [] : [`has the headings ${found.join(', ')}`]
    })
    expect(wrong).to.deep.equal([])
    expect(faultsIn(({ checked }) => (checked in manners ? [] : [`is checked "${checked}"`]))).to.deep.equal([])
    expect(faultsIn((page) => (clientsOf(page).length > 0 ? [] : ['has no OIDCClient']))).to.deep.equal([])
  })

  it('has an index that lists every page', () => {
    const index = readFileSync('docs/integrations/README.md', 'utf8')
    expect(index).to.equal(renderIntegrationIndex(index))
    expect(index).to.include(`](${pages[0]!.name}.md)`)
  })

  it('has manifests that the API server and the operator take', () => {
    const wrong = faultsIn((page) => {
      const policies = policiesFor(page)
      const ofPolicies = policies.flatMap(({ spec }) => checkPolicySpec(spec, 'spec'))
      const ofClients = clientsOf(page).flatMap((client) => [...refusals(client), ...ownRefusals(client, policies)])
      return [...ofPolicies, ...ofClients].map(({ path, message }) => `${path}: ${message}`)
    })
    expect(wrong).to.deep.equal([])
  })

  it('names the presets of its manifests', () => {
    const wrong = faultsIn((page) => {
      const used = new Set(clientsOf(page).flatMap(({ spec }) => spec.secret?.presets ?? []))
      used.delete('Generic')
      const named = [...page.preset.matchAll(/`(\w+)`/g)].map(([, preset]) => preset!)
      return named.join() === [...used].join()
        ? []
        : [`its table names ${page.preset}, its manifests ${[...used].join()}`]
    })
    expect(wrong).to.deep.equal([])
  })

  it('has the page of each preset, with the version and the callback that kubectl explain says', () => {
    const wrong = presets.flatMap((preset) => {
      const { page: name, version, callback } = presetRow(preset)
      if (version === undefined) return name === 'README' ? [] : [`${preset}: has no version`]
      const page = pages.find((one) => one.name === name)
      return page?.preset === `\`${preset}\`` &&
        page.version.includes(version) &&
        (callback === undefined || page.callback === `\`${callback}\``)
        ? []
        : [`${preset}: docs/integrations/${name}.md says another preset, version or callback, or is not there`]
    })
    expect(wrong).to.deep.equal([])
  })

  it('has a callback in its table that a manifest lists', () => {
    const wrong = faultsIn((page) => {
      const paths = clientsOf(page).flatMap(({ spec }) => (spec.redirectURIs ?? []).map((uri) => new URL(uri).pathname))
      return callbacksOf(page)
        .filter((callback) => !paths.some((path) => isPath(path, callback)))
        .map((callback) => `no redirect URI has the path ${callback}`)
    })
    expect(wrong).to.deep.equal([])
  })

  it('takes keys from Secrets that have them', () => {
    const wrong = faultsIn((page) => {
      const secrets = new Map(
        clientsOf(page).map((client) => [secretOf(client).name, Object.keys(secretOf(client).data)]),
      )
      const taken = documentsOf(page).flatMap(keysTaken)
      const unknown = blocksOf(page.text)
        .filter(({ language }) => language === 'yaml' || language === 'sh')
        .flatMap(({ block }) => [...block.matchAll(/(?<![\w./-])([a-z][\w-]*-oidc)\b/g)])
        .filter(([, name]) => !secrets.has(name!))
      return [
        ...taken.filter(({ secret, key }) => secrets.get(secret)?.includes(key) === false),
        ...unknown.map(([, secret]) => ({ secret: secret!, key: 'a Secret of no client of the page' })),
      ].map(({ secret, key }) => `${secret}: ${key}`)
    })
    expect(wrong).to.deep.equal([])
  })

  it('says of each program that tests run what its test says', async () => {
    const scripts = globSync('ci/programs/*.program.test.ts')
    for (const script of scripts) await import(`../../${script}`)
    expect(declaredPrograms.map(({ page }) => page)).to.have.members(
      scripts.map((script) => basename(script, '.program.test.ts')),
    )
    const wrong = declaredPrograms.flatMap(({ page: name, version, checked, done }) => {
      const page = pages.find((one) => one.name === name)
      const source = readFileSync(`ci/programs/${name}.program.test.ts`, 'utf8')
      if (page?.checked !== checked) return [`${name}: has no page that says so`]
      return [
        ...(page.version.includes(version) ? [] : [`${name}: the test runs ${version}`]),
        ...(section(page, 'How it was checked').includes(`: ${done.join(', ')}.`)
          ? []
          : [`${name}: ${done.join(', ')}`]),
        ...(checked === 'run with sign-in' ? callbacksOf(page) : [])
          .filter((callback) => !fixedParts(callback).every((part) => source.includes(part)))
          .map((callback) => `${name}: the test has another callback than ${callback}`),
      ]
    })
    expect(wrong).to.deep.equal([])
    const module = readFileSync('ci/e2e/images/oauth2-proxy/go.mod', 'utf8')
    const proxy = declaredPrograms.find(({ page }) => page === 'oauth2-proxy')
    expect(module, 'the image of the end-to-end run').to.include(`oauth2-proxy/v7 v${proxy?.version} `)
  })

  it('says the versions of the packages that tests run', () => {
    const { devDependencies: has } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      devDependencies: Record<string, string>
    }
    const versionOf = (name: string) => pages.find((page) => page.name === name)?.version
    const five = has['openid-client-5']!.split('@').at(-1)
    expect(versionOf('openid-client')).to.equal(`${has['openid-client']}, ${five}`)
    expect(versionOf('oidc-client-ts')).to.equal(has['oidc-client-ts'])
  })

  it('says how each page was checked: by a test that is there, or by pages of the program', () => {
    const wrong = faultsIn((page) => {
      const told = section(page, 'How it was checked')
      const tests = [...told.matchAll(/`([\w/.-]+\.(?:test|e2e)\.ts)`/g)].map(([, path]) => path!)
      if (['run with sign-in', 'configuration parsed'].includes(page.checked) !== tests.length > 0)
        return ['it names tests and is not run, or the reverse']
      if (!told.includes('https://')) return ['it names no page of the program']
      return tests.filter((path) => !existsSync(path)).map((path) => `${path} is not there`)
    })
    expect(wrong).to.deep.equal([])
  })
})

/** The paths in the column of callbacks. */
const callbacksOf = ({ callback }: Integration): string[] =>
  [...callback.matchAll(/`(\/[^`]*)`/g)].map(([, path]) => path!)

/** What stands around its words in capitals, which stand for anything. */
const fixedParts = (callback: string): string[] => callback.split(/[A-Z]{2,}/)

function isPath(path: string, callback: string): boolean {
  const [start, ...others] = fixedParts(callback)
  const end = others.at(-1)
  return end === undefined ? path === start : path.startsWith(start!) && path.endsWith(end)
}
