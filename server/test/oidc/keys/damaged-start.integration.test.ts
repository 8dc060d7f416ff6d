import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchTokens, headerOfJwt } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../../src/store/driver/database.ts'

const damage = statement(
  'test-damage-keys',
  'UPDATE keys SET secret = set_byte(secret, 9, get_byte(secret, 9) # 1) WHERE use = ANY($1)',
)

const clients = [
  entry('app.machine', configs.machine, { granted: { 'https://api.example.com': [] } }),
  entry('app.web', configs.web),
  entry('app.paired', { ...configs.web, subjectType: 'pairwise' }),
]

describe('a server that starts beside keys that do not open', () => {
  const settings = { signing: { algorithms: ['ES256'], idToken: 'ES256' } }
  let running: ServerReplicas
  const started: ServerReplicas[] = []
  before(async () => {
    running = await startReplicas({ settings })
  })
  after(async () => {
    for (const each of started) await each.stop()
    await running.stop()
  })

  async function start(): Promise<ServerReplicas> {
    const { keysDirectory: keysFrom, database } = running
    const replicas = await startReplicas({ settings, keysFrom, databaseUrl: async () => database.url })
    started.push(replicas)
    await replicas.serve(clients)
    return replicas
  }
  const subOf = async (replicas: ServerReplicas) => {
    const about = { clientId: 'app.paired', parameters: { client_id: 'app.paired' } }
    return claimsOfJwt((await fetchTokens(replicas, about)).id)['sub']
  }
  const signedBy = async (replicas: ServerReplicas) => {
    const form = { grant_type: 'client_credentials' }
    const answer = await send(replicas, { path: '/token', headers: basic('app.machine', clientSecret), form })
    expect(answer.status).to.equal(200)
    return String(headerOfJwt(String(answer.json()['access_token']))['kid'])
  }
  const published = async (replicas: ServerReplicas) =>
    ((await send(replicas, { path: '/jwks' })).json() as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)

  it('F42 is ready, signs with a new key that the running server publishes, and names the keys; the running one signs on', async () => {
    await running.serve(clients)
    await addPerson(running, 'ada')
    const sub = await subOf(running)
    const before = await signedBy(running)
    await running.apps[0]!.store.database.query(damage, [['sig', 'pairwise']])
    const replicas = await start()
    expect(replicas.health[0]!.missing()).to.not.include.keys('keys', 'clock')
    const after = await signedBy(replicas)
    expect(after).to.not.equal(before)
    expect(replicas.lines.filter((line) => line.includes('a key in the database does not open'))).to.have.length(2)
    // the message of PostgreSQL reaches it within moments
    while (!(await published(running)).includes(after)) await new Promise(setImmediate)
    expect(await published(running)).to.include(before)
    expect(await signedBy(running)).to.equal(before)
    expect(await signedBy(await start())).to.equal(after)

    // rather no answer than one under another sub
    expect(await subOf(running)).to.equal(sub)
    expect((await fetchTokens(replicas)).id).to.be.a('string')
    expect(await subOf(replicas).catch((error: Error) => error.message)).to.match(/^stopped at 500 /)
    await running.apps[0]!.store.database.query(damage, [['pairwise']])
    await running.apps[0]!.store.keys.underLock(async () => undefined)
    while ((await subOf(replicas).catch(() => undefined)) === undefined) await new Promise(setImmediate)
    expect(await subOf(replicas)).to.equal(sub)
  })
})
