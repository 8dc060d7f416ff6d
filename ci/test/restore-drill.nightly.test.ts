import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { password } from '@nauthera/harness/browser'
import type { Answer, Target } from '@nauthera/harness/browser'
import { holdFreePort, holdPort } from '@nauthera/local/processes/ports'
import { writeSettings } from '@nauthera/local/processes/program'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import { baseline, releaseNamespace, startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { startPostgres } from '@nauthera/local/programs/postgres'
import { restoreBackup, readBackup } from '@nauthera/stand-in/backup'
import type { Backup } from '@nauthera/stand-in/backup'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'
import {
  agreeTo,
  applicationOf,
  ask,
  askSilently,
  callback,
  enrol,
  grantOf,
  signInAnew,
} from './support/drill-people.ts'
import type { Application, DrillGrant, DrillPerson } from './support/drill-people.ts'

// A site is lost and put up anew from its backup, as the runbook says, with real processes: what people and programs can do is counted
// before and after. The table is in docs/runbooks/restore.md.

const apps = 'demo'
const api = 'https://orders.example.com'
const scopes = ['openid', 'email', 'offline_access']
const web = { type: 'Web', redirectURIs: [callback], scopes }
const machine = { type: 'M2M', audiences: [api], scopes: ['orders:read'] }
const orders = {
  type: 'M2M',
  resourceServer: {
    identifier: api,
    scopes: [{ name: 'orders:read' }],
    access: [{ namespaces: ['*'] }],
    tokens: { format: 'opaque' },
  },
}
const specs: Readonly<Record<string, object>> = {
  orders,
  ...Object.fromEntries(['web-0', 'web-1', 'web-2'].map((name) => [name, web])),
  ...Object.fromEntries(['machine-0', 'machine-1', 'machine-2'].map((name) => [name, machine])),
  spa: { type: 'SPA', redirectURIs: [callback], scopes },
}
const names = Object.keys(specs)
const machines = names.filter((name) => name.startsWith('machine'))
const forPeople = names.filter((name) => /^(web|spa)/.test(name))
const usernames = Array.from({ length: 6 }, (_, index) => `person-${index}`)
const isCareful = (index: number) => index % 3 === 2

/** What outlives the site: at the people, at the programs, and in the backup. */
interface Held {
  readonly people: readonly DrillPerson[]
  readonly applications: ReadonlyMap<string, Application>
  readonly grants: readonly DrillGrant[]
  /** Of the programs without a person, opaque: the API introspects them. */
  readonly tokens: readonly string[]
}

type Counts = Record<string, string>

describe('a site that is lost and comes back from its backup', function () {
  this.timeout(240_000)
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const lines: string[] = []
  const columns: Record<string, Counts> = {}
  let directory: string
  let issuerPort: number
  let held: Held
  let backup: Backup

  const at = (name: string) => join(directory, name)
  const targetOf = (stack: Stack): Target => ({
    issuer: stack.issuer,
    origin: () => `http://127.0.0.1:${stack.frontPort}`,
  })
  const startSite = async (name: string): Promise<Stack> => {
    const issuer = await holdPort(issuerPort)
    expect(issuer.port).to.equal(issuerPort)
    return startStack({
      directory: at(name),
      replicas: 2,
      keep: true,
      ports: { issuer },
      namespaces: [apps],
      serverSettings: { secondFactor: { requiredGroups: ['careful'] } },
      operatorSettings: { policy: baseline },
      onLine: (process, line) => void lines.push(`${name} ${process}: ${line}`),
    })
  }
  const clientOf = (stack: Stack, name: string) => stack.api.store.find(stack.api.resource('oidcclients'), apps, name)
  const untilReady = (stack: Stack) =>
    Promise.all(
      names.map((name) => waitForObject(stack.api, 'oidcclients', { namespace: apps, name }, isReady, 60_000)),
    )
  const applicationsOf = (stack: Stack): Held['applications'] =>
    new Map(
      names.map((name) => {
        const secret = stack.api.store.find(stack.api.resource('secrets'), apps, `${name}-oidc`)
        return [name, applicationOf(name, secret!['data'] as Record<string, string>)]
      }),
    )

  /** Clients, people with sessions and consents at each application, and tokens. */
  const fill = async (stack: Stack): Promise<Held> => {
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
  const count = async (stack: Stack, before: Held): Promise<{ counts: Counts; held: Held }> => {
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
        if (
          seen(await ask(site, applications.get(name)!, '/token', { grant_type: 'client_credentials' })).status === 200
        )
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
      if (!again.isAsked) unasked++
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

  /** Everything new, from the copy of the database and the objects. */
  const putUp = async (name: string, objects: Backup, isRestored: boolean): Promise<Stack> => {
    mkdirSync(at(name))
    chmodSync(at(name), 0o711)
    execFileSync('cp', ['-a', at('before/postgres'), at(`${name}/postgres`)])
    const empty = await startKubeApi({ namespaces: [] })
    restoreBackup(empty, objects)
    writeFileSync(at(`${name}/kube-objects.json`), JSON.stringify(empty.store.dump()))
    await empty.stop()
    if (isRestored) await endSessions(name)
    return startSite(name)
  }
  const endSessions = async (name: string) => {
    const database = await startPostgres({ directory: at(`${name}/postgres`) })
    writeFileSync(at(`${name}/url`), database.url, { mode: 0o600 })
    const settings = writeSettings(at(`${name}/restored.yaml`), {
      issuer: `http://localhost:${issuerPort}`,
      development: true,
      keysDirectory: at('before/pods/server-0/keys'),
      database: { dsnFile: at(`${name}/url`), sslMode: 'disable' },
    })
    await runToEnd({
      name: 'nauthera migrate restored',
      script: 'server/src/cli/main.ts',
      args: ['migrate', 'restored', '--yes', '--settings', settings],
    })
    await database.stop()
  }
  const isApplicationSecret = ({ kind, metadata }: KubeObject) => kind === 'Secret' && metadata.namespace === apps

  before(async () => {
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    directory = mkdtempSync(join(root, '.nauthera/drill-'))
    chmodSync(directory, 0o711)
    reapDirectory(directory)
    const port = await holdFreePort()
    issuerPort = port.port
    await port.release()
    const stack = await startSite('before')
    try {
      const counted = await count(stack, await fill(stack))
      columns['before'] = counted.counts
      held = counted.held
      backup = readBackup(stack.api, [apps, releaseNamespace])
    } finally {
      await stack.stop()
    }
  })
  after(() => {
    const [first = {}] = Object.values(columns)
    const rows = Object.keys(first).map((row) => [row, ...Object.values(columns).map((counts) => counts[row])])
    const table = [['', ...Object.keys(columns)], ['---', ...Object.keys(columns).map(() => '---')], ...rows]
    process.stdout.write(table.map((cells) => `      | ${cells.join(' | ')} |\n`).join(''))
  })

  const drill = async (name: string, objects: Backup, isRestored = false): Promise<Counts> => {
    const stack = await putUp(name, objects, isRestored)
    try {
      await untilReady(stack)
      const { counts } = await count(stack, held)
      columns[name] = counts
      return counts
    } finally {
      await stack.stop()
    }
  }

  it('F43 with the Secrets of applications nothing is lost, and nobody is refused', async () => {
    expect(await drill('with application Secrets', backup)).to.deep.equal(columns['before'])
  })

  it('F43 without them programs get new secrets, old ones are refused, and people stay signed in', async () => {
    const objects = backup.filter((object) => !isApplicationSecret(object))
    expect(await drill('without them', objects)).to.deep.equal({
      ...columns['before'],
      'programs that get a token with the secret of before': '0/3',
      'consents that stand': '0/24',
      'refreshes that succeed': '0/24',
      // those of programs: they name the client by its id
      'access tokens that are active': '3/21',
      'answers of /token and /introspect': '24 x 200, 24 x 400, 3 x 401',
    })
  })

  it('F43 with an older database, sessions and refresh tokens end, and consents stay', async () => {
    expect(await drill('with them, and `migrate restored`', backup, true)).to.deep.equal({
      ...columns['before'],
      'sessions that live, asked at each application': '0/24',
      'refreshes that succeed': '0/24',
      'access tokens that are active': '0/21',
      'answers of /token and /introspect': '27 x 200, 24 x 400',
    })
  })
})
