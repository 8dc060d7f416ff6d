import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { expect } from 'chai'
import { loadSettings } from '@nauthera/runtime/settings'
import { clientDefinition, clusterDefinition, policyDefinition } from '@nauthera/operator/api/crds'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import type { OIDCPolicy } from '@nauthera/operator/api/oidc-policy'
import { checkPolicySpec } from '@nauthera/operator/decide/client/check-spec'
import type { Policies } from '@nauthera/operator/decide/client/policies'
import { settingsSchema } from '@nauthera/server/settings'
import { parse } from 'yaml'
import { alerts } from '../../charts/test/support/alerts.ts'
import { ownRefusals, refusals, schemaOf, withMetadata } from '../../operator/test/api/refusals.ts'
import { metricsByProcess } from '../../scripts/metrics-page.ts'
import {
  allPages,
  blocksOf,
  commandsOf,
  guidePages,
  isShell,
  manifestsOf,
  operationPages,
  readByOthers,
  spansOf,
} from './support/page-blocks.ts'
import type { PageBlock } from './support/page-blocks.ts'

// What the guides give people to copy is taken by the API server, the operator, the chart, the server and the command lines.
// guides.nightly.test.ts runs it.

const blocks = guidePages.flatMap(blocksOf)
const everywhere = allPages.flatMap(blocksOf)
const shells = everywhere.filter(isShell)
const at = ({ page, line }: PageBlock) => `${page}:${line}`

/** The files whose first line says what they are. */
const filesFor = (reader: string) =>
  blocks.filter(({ language, text }) => language === 'yaml' && text.startsWith(`# ${reader}`))

describe('the blocks of the guides', () => {
  it('say what they are', () => {
    expect(blocks.length).to.be.greaterThan(5)
    const known = ['sh', 'yaml', 'json', 'text', 'lua', 'java', 'http', 'mermaid']
    expect(blocks.filter(({ language }) => !known.includes(language)).map(at)).to.deep.equal([])
  })
})

describe('the commands of every page', () => {
  it('stand in blocks that a test finds: sh for commands, console for `$ ` and what is printed', () => {
    const others = ['bash', 'shell', 'zsh', 'powershell', 'terminal']
    expect(everywhere.filter(({ language }) => others.includes(language)).map(at)).to.deep.equal([])
    const unnamed = allPages.filter((page) => /^( *)```\n(?:(?! *```)[^\n]*\n)*? *\$ /m.test(fencesOf(page)))
    expect(unnamed).to.deep.equal([])
    expect(shells.length).to.be.greaterThan(150)
  })

  it('have a reason where they are not run, which names files that are there', () => {
    const reasons = shells.flatMap((block) =>
      block.notRun === undefined ? [] : [{ at: at(block), why: block.notRun }],
    )
    expect(reasons.filter(({ why }) => why.split(' ').length < 3)).to.deep.equal([])
    const named = reasons.flatMap(({ why }) => why.match(/[\w/.-]+\/[\w/.-]+\.(?:ts|md)/g) ?? [])
    expect(named.length).to.be.greaterThan(10)
    expect(named.filter((path) => !existsSync(path))).to.deep.equal([])
  })

  it('are run at night, or by the test that is said to read the page', () => {
    const night = readFileSync('ci/test/guides.nightly.test.ts', 'utf8')
    expect(night).to.include('allPages.filter((page) => readByOthers[page] === undefined')
    const readers = Object.entries(readByOthers)
    expect(readers.filter(([page]) => !allPages.includes(page))).to.deep.equal([])
    // most have the name of a page only in the list of blocks
    const names = readFileSync('ci/test/support/page-blocks.ts', 'utf8')
    const silent = readers.filter(([page, test]) => {
      const [, constant = ''] = new RegExp(`export const (\\w+) = '${page}'`).exec(names) ?? []
      const text = readFileSync(test, 'utf8')
      return !text.includes(basename(page, '.md')) && (constant === '' || !text.includes(constant))
    })
    expect(silent).to.deep.equal([])
  })
})

/** A page without the blocks of a language. */
const fencesOf = (page: string) => readFileSync(page, 'utf8').replaceAll(/^( *)```\w+\n[^]*?^\1```$/gm, '')

describe('docs/how-to/sign-in-fails.md', () => {
  it('names pages by the titles that people see', () => {
    const texts = Object.values(JSON.parse(readFileSync('server/locales/en.json', 'utf8')) as Record<string, string>)
    const titles = [...readFileSync('docs/how-to/sign-in-fails.md', 'utf8').matchAll(/our page "([^"]+)"/g)]
    expect(titles).to.have.length.greaterThan(2)
    expect(titles.map(([, title]) => title!).filter((title) => !texts.includes(title))).to.deep.equal([])
  })
})

describe('the manifests of the guides', () => {
  for (const page of guidePages) {
    const manifests = manifestsOf(blocksOf(page))
    const ofKind = (kind: string) => manifests.filter(({ object }) => object.kind === kind)
    const allowing: Policies = [
      ...ofKind('OIDCPolicy').map(({ object }) => ({ name: 'page', spec: (object as OIDCPolicy).spec })),
      { ...(parse(readFileSync('examples/policies/demo.yaml', 'utf8')) as Pick<OIDCPolicy, 'spec'>), name: 'demo' },
    ].map(({ name, spec }) => ({ name, spec: { allow: spec.allow ?? {} } }))
    for (const { at: place, object } of ofKind('OIDCClient')) {
      it(`${place} is a client that the API server and the operator take`, () => {
        const client = withMetadata(object as OIDCClient)
        expect(refusals(client)).to.deep.equal([])
        // what the policies of the page limit is tried at night
        expect(ownRefusals(client, openOf(allowing))).to.deep.equal([])
      })
    }
    for (const { at: place, object } of ofKind('OIDCPolicy')) {
      it(`${place} is a policy that the API server and the operator take`, () => {
        const metadata = { name: 'page' }
        expect(refusals({ ...object, metadata }, undefined, schemaOf(policyDefinition))).to.deep.equal([])
        expect(checkPolicySpec(object.spec, 'spec')).to.deep.equal([])
      })
    }
  }
})

/** Only what policies open: a page also shows a client that one of its policies refuses. */
function openOf(policies: Policies): Policies {
  const opens = [
    'resourceServer',
    'tokenExchange',
    'customClientId',
    'existingSecret',
    'verifiers',
    'optionalPKCE',
  ] as const
  const may = Object.fromEntries(opens.map((name) => [name, policies.some(({ spec }) => spec.allow?.[name] === true)]))
  const audiences = policies.flatMap(({ spec }) => spec.allow?.audiences ?? [])
  const identityIssuers = policies.flatMap(({ spec }) => spec.allow?.identityIssuers ?? [])
  return [{ name: 'open', spec: { allow: { ...may, audiences, identityIssuers } } }]
}

interface ValuesSchema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, ValuesSchema>>
  readonly additionalProperties?: ValuesSchema | boolean
  readonly allOf?: readonly ValuesSchema[]
  readonly anyOf?: readonly ValuesSchema[]
  readonly oneOf?: readonly ValuesSchema[]
}

const valuesSchema = JSON.parse(readFileSync('charts/nauthera/values.schema.json', 'utf8')) as ValuesSchema & {
  readonly definitions: Readonly<Record<string, ValuesSchema>>
}

/** Whether the chart has a value of this name; below one that takes any keys, any. */
function isValue(path: readonly string[], schema: ValuesSchema = valuesSchema): boolean {
  const found = schema.$ref === undefined ? schema : valuesSchema.definitions[schema.$ref.split('/').at(-1)!]!
  const choices = [found, ...(found.allOf ?? []), ...(found.anyOf ?? []), ...(found.oneOf ?? [])]
  const [name, ...rest] = path
  if (name === undefined || choices.every(({ properties }) => properties === undefined)) return true
  return choices.some(
    ({ properties, additionalProperties: others = false }) =>
      (properties?.[name] !== undefined && isValue(rest, properties[name])) || others !== false,
  )
}

function pathsOf(value: unknown): readonly string[][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[]]
  return Object.entries(value).flatMap(([key, child]) => pathsOf(child).map((path) => [key, ...path]))
}

describe('the values and settings of the guides', () => {
  for (const block of filesFor('values of the chart')) {
    it(`${at(block)} are values of the chart, and settings that the server takes`, () => {
      const values = parse(block.text) as { server?: { settings?: object } }
      expect(pathsOf(values).filter((path) => !isValue(path))).to.deep.equal([])
      loadServer(values.server?.settings ?? {})
    })
  }
  for (const block of filesFor('settings of the server')) {
    it(`${at(block)} are settings that the server takes`, () => loadServer(parse(block.text) as object))
  }
})

function loadServer(settings: object): void {
  const least = {
    issuer: 'https://login.example.com',
    database: { dsnFile: '/database' },
    // the pages show one part each: mail is what the others may need
    mail: { host: 'mail.example.com', from: 'nauthera@example.com' },
  }
  loadSettings(settingsSchema, { file: 'page', text: JSON.stringify({ ...least, ...settings }), environment: {} })
}

const spans = operationPages.flatMap(spansOf)
const programs = ['kubectl', 'nauthera', 'helm']

describe('the commands of the guides and of the pages for people on call', () => {
  const isCommand = ({ text }: PageBlock) => programs.some((program) => text.startsWith(`${program} `))
  const commands = [...shells, ...spans.filter(isCommand)].flatMap((block) =>
    commandsOf(block).map((command) => ({ place: at(block), command })),
  )
  const flagsOf = (command: string) => [...command.matchAll(/(?<=\s)--[a-z][a-z-]*/g)].map(([flag]) => flag)
  /** The parts of a line that begin with a program: of a pipe or a list. */
  const callsOf = (program: string) =>
    commands.flatMap(({ place, command }) =>
      command
        .split(/\s*(?:\|\||&&|[|;]| -- |\$\()\s*/)
        .filter((call) => call.startsWith(`${program} `))
        .map((call) => ({ place, call })),
    )

  const known = {
    nauthera: ['docs/cli.md', 'nauthera', ['--settings', '--help']],
    // these are for kubectl
    'kubectl nauthera': ['docs/plugin.md', 'kubectl-nauthera', ['--help', '--context', '--kubeconfig']],
  } as const
  for (const [program, [page, name, shared]] of Object.entries(known)) {
    it(`of ${program} are in ${page}, with each of their options`, () => {
      const usages = readFileSync(page, 'utf8').split(`Usage: ${name} `).slice(1)
      const unknown = callsOf(program).filter(({ call }) => {
        const words = call.slice(program.length + 1).split(' ')
        const usage = usages.find((text) => {
          const own = text.split(/ [[<]/)[0]!.split(' ')
          return own.every((word, index) => word.split('|').includes(words[index]!))
        })
        const always = usages.find((text) => text.includes(`"${program} ${words[0]}" without a command does this too`))
        const options: string[] = [...shared, ...flagsOf(` ${usage ?? always ?? ''}`)]
        return (usage ?? always) === undefined || flagsOf(call).some((flag) => !options.includes(flag))
      })
      expect(unknown).to.deep.equal([])
    })
  }

  it('of npm are scripts of this repository', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
    const called = callsOf('npm').map(({ place, call }) => {
      const words = call.replaceAll(/ (-s|--prefix \S+)(?= )/g, '').split(' ')
      return { place, words }
    })
    expect(called.length).to.be.greaterThan(8)
    const unknown = called.filter(({ words: [, first = '', second = ''] }) => {
      const name = first === 'run' ? second : first
      return !(first === 'run' || first === 'test') || scripts[name] === undefined
    })
    expect(unknown).to.deep.equal([])
  })

  it('of helm set values that the chart has', () => {
    const set = callsOf('helm').flatMap(({ place, call }) =>
      [...call.matchAll(/--set(?:-string|-json)? '?([^\s']+)/g)].flatMap(([, all]) =>
        [...all!.matchAll(/(?:^|,)([\w.[\]]+)=/g)].map(([, name]) => ({ place, name: name! })),
      ),
    )
    expect(set.filter(({ name }) => !isValue(name.replaceAll(/\[\d+\]/g, '').split('.')))).to.deep.equal([])
  })
})

describe('what the pages for people on call name', () => {
  const textOf = (...patterns: readonly string[]) =>
    globSync([...patterns])
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n')
  const sources = textOf('{server,operator,config-agent,runtime,proto,rules}/src/**/*.ts')
  const conditions = textOf('docs/{conditions,errors,plugin}.md', 'operator/src/{decide,spoke,status}/**/*.ts')
  const events = textOf('docs/audit.md')
  const usages = textOf('docs/cli.md')
  /** `admin.users.delete` is written by `nauthera users delete`. */
  const isEvent = (name: string) =>
    events.includes(`\`${name}\``) ||
    new RegExp(`^Usage: nauthera ${name.replace(/^admin\./, '').replaceAll('.', ' ')}\\b`, 'm').test(usages)
  const metrics = new Set(Object.values(metricsByProcess).flatMap((all) => all.map(({ name }) => name)))
  const settings = new Set([...textOf('docs/settings.md').matchAll(/^\| `([\w.[\]]+)`/gm)].map(([, path]) => path!))
  const fields = new Set(
    [...textOf('docs/fields.md').matchAll(/^\| `([\w.[\]]+)`/gm)].flatMap(([, path]) => {
      const name = path!.replaceAll('[]', '')
      return [name, name.replace(/^spec\./, '')]
    }),
  )
  const columns = [clientDefinition, policyDefinition, clusterDefinition].flatMap(({ spec }) =>
    spec.versions.flatMap(({ additionalPrinterColumns }) => additionalPrinterColumns.map(({ name }) => name)),
  )
  /** Words that somebody puts in, of SQL, and of other products. */
  const placeholders = ['OLD', 'COPY', 'NOTIFY', 'LISTEN', 'BEGIN']
  const others = [
    'RuntimeDefault',
    'AlwaysPullImages',
    'ScheduledBackup',
    'user.username',
    'hardened.yaml',
    'sasl.oauthbearer.jwks.endpoint.refresh.ms',
  ]
  const alertNames = new Set([...alerts.values()].map(({ alert }) => alert))
  const isPrefixOf = (all: ReadonlySet<string>, name: string) =>
    [...all].some((path) => path === name || path.startsWith(`${name}.`))
  const isStatus = (name: string) => /^\.?status\./.test(name)

  /** How a word is recognized, and whether there is such a thing. */
  const kinds: readonly [sentence: string, pattern: RegExp, exists: (word: string) => boolean][] = [
    ['metrics', /^nauthera_\w+$/, (word) => metrics.has(word)],
    [
      'columns of kubectl get',
      /^[A-Z]{3,}(?:-[A-Z]+)*$/,
      (word) => columns.includes(word) || placeholders.includes(word),
    ],
    [
      'alerts, conditions and reasons',
      /^[A-Z][a-z]+(?:[A-Z][a-z]+)+$/,
      (word) => conditions.includes(word) || alertNames.has(word) || others.includes(word),
    ],
    [
      'values, settings, fields and audit events',
      /^\.?[a-z][A-Za-z]*(?:\.[a-z][A-Za-z-]*)+(?=$|[:=] ?\S)/,
      (word) =>
        isValue(word.split('.')) ||
        isPrefixOf(settings, word) ||
        isPrefixOf(fields, word) ||
        isEvent(word) ||
        isStatus(word) ||
        others.includes(word),
    ],
  ]
  for (const [sentence, pattern, exists] of kinds)
    it(`are ${sentence} that there are`, () => {
      const found = spans.flatMap((span) =>
        (pattern.exec(span.text) ?? []).slice(0, 1).map((word) => ({ place: at(span), word })),
      )
      expect(found.length).to.be.greaterThan(5)
      expect(found.filter(({ word }) => !exists(word))).to.deep.equal([])
    })
  it('are words that the log has', () => {
    const sought = spans.flatMap((span) =>
      [...span.text.matchAll(/\| grep "([A-Za-z ]+)"/g)].map(([, words]) => ({ place: at(span), words: words! })),
    )
    expect(sought.length).to.be.greaterThan(5)
    expect(sought.filter(({ words }) => !sources.includes(words))).to.deep.equal([])
  })
})
