// A site of the drills: the whole product with clients, people and grants, that can be lost and put up anew; and what people and programs can do
// there, counted.
import { execFileSync } from 'node:child_process'

import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { password } from '@nauthera/harness/browser'
import type { Answer, Target } from '@nauthera/harness/browser'
import { holdFreePort, holdPort } from '@nauthera/local/processes/ports'
import { root, writeSettings } from '@nauthera/local/processes/program'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import { baseline, startStack } from '@nauthera/local/product/stack'
import type { Stack, StackOptions } from '@nauthera/local/product/stack'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { startPostgres } from '@nauthera/local/programs/postgres'
import { restoreBackup } from '@nauthera/stand-in/backup'
import type { Backup } from '@nauthera/stand-in/backup'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { agreeTo, applicationOf, ask, askSilently, callback, enrol, grantOf, signInAnew } from './drill-people.ts'
import type { Application, DrillGrant, DrillPerson } from './drill-people.ts'

export const apps = 'demo'
const api = 'https://orders.example.com'
const scopes = ['openid', 'email', 'offline_access']
/** A slow run must not outlive the tokens that it asks about. */
const tokens = { accessTTL: '2h' }
const web = { type: 'Web', redirectURIs: [callback], scopes, tokens }
const machine = { type: 'M2M', audiences: [api], scopes: ['orders:read'] }
const orders = {
  type: 'M2M',
  resourceServer: {
    identifier: api,
    scopes: [{ name: 'orders:read' }],
    access: [{ namespaces: ['*'] }],
    tokens: { format: 'opaque', ...tokens },
  },
}
const specs: Readonly<Record<string, object>> = {
  orders,
  ...Object.fromEntries(['web-0', 'web-1', 'web-2'].map((name) => [name, web])),
  ...Object.fromEntries(['machine-0', 'machine-1', 'machine-2'].map((name) => [name, machine])),
  spa: { type: 'SPA', redirectURIs: [callback], scopes, tokens },
}
const names = Object.keys(specs)
const machines = names.filter((name) => name.startsWith('machine'))
const forPeople = names.filter((name) => /^(web|spa)/.test(name))
const usernames = Array.from({ length: 6 }, (_, index) => `person-${index}`)
const isCareful = (index: number) => index % 3 === 2

/** What outlives the site: at the people, at the programs, and in the backup. */
export interface Held {
  readonly people: readonly DrillPerson[]
  readonly applications: ReadonlyMap<string, Application>
  readonly grants: readonly DrillGrant[]
  /** Of the programs without a person, opaque: the API introspects them. */
  readonly tokens: readonly string[]
}

export type DrillCounts = Record<string, string>

/** Sites of one issuer, one after the other, in one directory. */
export class Drill {
  readonly lines: string[] = []
  /** Name of a site -> what was counted there. */
  readonly columns: Record<string, DrillCounts> = {}
  readonly #directory: string
  readonly #issuerPort: number

  private constructor(directory: string, issuerPort: number) {
    this.#directory = directory
    this.#issuerPort = issuerPort
  }

  static async open(): Promise<Drill> {
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    const directory = mkdtempSync(join(root, '.nauthera/drill-'))
    chmodSync(directory, 0o711)
    reapDirectory(directory)
    const port = await holdFreePort()
    await port.release()
    return new Drill(directory, port.port)
  }

  at(name: string): string {
    return join(this.#directory, name)
  }

  async startSite(name: string, options: Partial<StackOptions> = {}): Promise<Stack> {
    const issuer = await holdPort(this.#issuerPort)
    expect(issuer.port).to.equal(this.#issuerPort)
    return startStack({
      directory: this.at(name),
      replicas: 2,
      keep: true,
      ports: { issuer },
      namespaces: [apps],
      serverSettings: { secondFactor: { requiredGroups: ['careful'] } },
      operatorSettings: { policy: baseline },
      onLine: (process, line) => void this.lines.push(`${name} ${process}: ${line}`),
      ...options,
    })
  }

  /** The API with nothing but these objects, with new uids, for the site of that name. */
  async writeObjects(name: string, objects: Backup): Promise<void> {
    mkdirSync(this.at(name), { recursive: true })
    chmodSync(this.at(name), 0o711)
    const empty = await startKubeApi({ namespaces: [] })
    restoreBackup(empty, objects)
    writeFileSync(this.at(`${name}/kube-objects.json`), JSON.stringify(empty.store.dump()))
    await empty.stop()
  }

  copyDatabase(from: string, to: string): void {
    mkdirSync(this.at(to), { recursive: true })
    chmodSync(this.at(to), 0o711)
    execFileSync('cp', ['-a', this.at(`${from}/postgres`), this.at(`${to}/postgres`)])
  }

  /** Runs a command on the database of a site that does not run.
   *  @param keysDirectory of its key-encryption ring
   *  @param commands each with its arguments
   *  @returns what the last one printed */
  async runOn(site: string, keysDirectory: string, ...commands: readonly (readonly string[])[]): Promise<string> {
    mkdirSync(this.at(site), { recursive: true })
    chmodSync(this.at(site), 0o711)
    const database = await startPostgres({ directory: this.at(`${site}/postgres`) })
    try {
      writeFileSync(this.at(`${site}/url`), database.url, { mode: 0o600 })
      const settings = writeSettings(this.at(`${site}/command.yaml`), {
        issuer: `http://localhost:${this.#issuerPort}`,
        development: true,
        keysDirectory,
        database: { dsnFile: this.at(`${site}/url`), sslMode: 'disable' },
      })
      let printed = ''
      for (const command of commands) printed = await this.run(settings, command)
      return printed
    } finally {
      await database.stop()
    }
  }

  run(settings: string, args: readonly string[], input = ''): Promise<string> {
    const script = 'server/src/cli/main.ts'
    return runToEnd({ name: `nauthera ${args[0]}`, script, args: [...args, '--settings', settings], input })
  }

  /** A table of what was counted, as docs/runbooks/restore.md has it. */
  table(): string {
    const [first = {}] = Object.values(this.columns)
    const rows = Object.keys(first).map((row) => [row, ...Object.values(this.columns).map((counts) => counts[row])])
    const names = Object.keys(this.columns)
    const table = [['', ...names], ['---', ...names.map(() => '---')], ...rows]
    return table.map((cells) => `      | ${cells.join(' | ')} |\n`).join('')
  }
}

const targetOf = (stack: Stack): Target => ({
  issuer: stack.issuer,
  origin: () => `http://127.0.0.1:${stack.frontPort}`,
})
export const clientOf = (stack: Stack, name: string) =>
  stack.api.store.find(stack.api.resource('oidcclients'), apps, name)
export const untilReady = (stack: Stack) =>
  Promise.all(names.map((name) => waitForObject(stack.api, 'oidcclients', { namespace: apps, name }, isReady, 60_000)))
export const applicationsOf = (stack: Stack): Held['applications'] =>
  new Map(
    names.map((name) => {
      const secret = stack.api.store.find(stack.api.resource('secrets'), apps, `${name}-oidc`)
      return [name, applicationOf(name, secret!['data'] as Record<string, string>)]
    }),
  )

/** Clients, people with sessions and consents at each application, and tokens. */
export async function fill(stack: Stack): Promise<Held> {
  for (const name of names)
    stack.api.set({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      metadata: { name, namespace: apps },
      spec: specs[name],
    } as unknown as KubeObject)
  for (const [index, username] of usernames.entries())
    await runToEnd({
      name: 'nauthera users add',
      script: 'server/src/cli/main.ts',
      args: ['users', 'add', username, '--email', `${username}@example.com`, '--email-verified']
        .concat(isCareful(index) ? ['--group', 'careful'] : [])
        .concat('--password-stdin', '--settings', stack.serverSettings),
      input: password,
    })
  await untilReady(stack)
  const site = targetOf(stack)
  const applications = applicationsOf(stack)
  const [first, ...others] = forPeople.map((name) => applications.get(name)!)
  const people: DrillPerson[] = []
  const grants: DrillGrant[] = []
  for (const username of usernames) {
    const { person, grant } = await enrol(site, username, first!)
    people.push(person)
    grants.push(grant)
    for (const application of others) grants.push(await agreeTo(site, person.browser, application))
  }
  const tokens: string[] = []
  for (const name of machines) {
    const answer = await ask(site, applications.get(name)!, '/token', {
      grant_type: 'client_credentials',
      resource: api,
    })
    tokens.push(answer.json()['access_token'] as string)
  }
  return { people, applications, grants, tokens }
}

/** @param before what people and programs hold from before
 *  @returns what they hold then */
export async function count(stack: Stack, before: Held): Promise<{ counts: DrillCounts; held: Held }> {
  const site = targetOf(stack)
  const now = applicationsOf(stack)
  const answers = new Map<number, number>()
  const seen = <T extends Pick<Answer, 'status'>>(answer: T): T => {
    answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1)
    return answer
  }
  const ready = names.filter((name) => isReady(clientOf(stack, name)))
  const programs = async (applications: Held['applications']) => {
    let good = 0
    for (const name of machines)
      if (seen(await ask(site, applications.get(name)!, '/token', { grant_type: 'client_credentials' })).status === 200)
        good++
    return `${good}/${machines.length}`
  }
  const bySecretOfBefore = await programs(before.applications)
  const bySecretOfNow = await programs(now)

  const silent: string[] = []
  for (const person of before.people)
    for (const name of forPeople) silent.push(await askSilently(site, person, now.get(name)!))
  const grants: DrillGrant[] = []
  let refreshed = 0
  for (const grant of before.grants) {
    const form = { grant_type: 'refresh_token', refresh_token: grant.refreshToken }
    const answer = seen(await ask(site, now.get(grant.application)!, '/token', form))
    if (answer.status === 200) refreshed++
    grants.push(answer.status === 200 ? grantOf(grant.application, answer) : grant)
  }
  let active = 0
  const introspected = [
    ...before.tokens.map((token) => ({ token, by: now.get('orders')! })),
    ...before.grants
      .filter(({ application }) => now.get(application)!.clientSecret !== undefined)
      .map(({ accessToken: token, application }) => ({ token, by: now.get(application)! })),
  ]
  for (const { token, by } of introspected)
    if (seen(await ask(site, by, '/introspect', { token })).json()['active'] === true) active++
  const people: DrillPerson[] = []
  const signedIn = { password: 0, factor: 0 }
  let unasked = 0
  const [first, ...others] = forPeople.map((name) => now.get(name)!)
  for (const person of before.people) {
    const again = await signInAnew(site, person, first!)
    people.push({ ...again.person, browser: person.browser })
    if (again.isSignedIn) signedIn[person.app ? 'factor' : 'password']++
    if (again.isSignedIn && !again.isAsked) unasked++
    for (const other of others) if ((await askSilently(site, again.person, other)) === 'code') unasked++
  }
  const withFactor = before.people.filter(({ app }) => app).length
  const counts = {
    'OIDCClients that are Ready': `${ready.length}/${names.length}`,
    'programs that get a token with the secret of before': bySecretOfBefore,
    'programs that get a token with what is in the Secret now': bySecretOfNow,
    'people who sign in with a password': `${signedIn.password}/${people.length - withFactor}`,
    'people who sign in with a second factor': `${signedIn.factor}/${withFactor}`,
    'sessions that live, asked at each application': `${silent.filter((one) => one !== 'login_required').length}/${silent.length}`,
    'consents that stand': `${unasked}/${silent.length}`,
    'refreshes that succeed': `${refreshed}/${before.grants.length}`,
    'access tokens that are active': `${active}/${introspected.length}`,
    'answers of /token and /introspect': [...answers]
      .toSorted(([one], [other]) => one - other)
      .map(([status, times]) => `${times} x ${status}`)
      .join(', '),
  }
  return { counts, held: { people, applications: now, grants, tokens: before.tokens } }
}
