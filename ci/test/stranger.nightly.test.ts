import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { basic } from '@nauthera/harness/browser'
import { statusOf, waitForObject } from '@nauthera/local/product/wait-for'
import { machine, startChain } from '../faults/support/chain.ts'
import type { Chain } from '../faults/support/chain.ts'
import { namespace } from '../faults/support/chain-clients.ts'

// A stranger guesses the secret of a client at three real replicas, as fast as this machine can: what that costs the API server.
// ci/test/stranger.test.ts has 10,000 a second, by a clock of its own.

const name = 'guessed'
const guessMs = 290_000
/** Requests that are on their way at once, on each connection. */
const pipelined = 32
const connections = 2

describe('a stranger at three replicas', function () {
  this.timeout(600_000)
  let chain: Chain
  before(async () => {
    chain = await startChain()
    await chain.applyAndWait(name, machine)
  })
  after(() => chain?.stop())

  it('costs one status in five minutes, however many requests are refused', async () => {
    const { api, pods } = chain.stack
    const from = api.requests.length
    const path = `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespace}/oidcclients/${name}/status`
    const writes = () => api.requests.slice(from).filter((one) => one.method !== 'GET' && one.path === path).length
    const guesses = pods.flatMap(({ port }) => Array.from({ length: connections }, () => startGuesses(port)))
    const isTold = (object: Parameters<typeof statusOf>[0]) =>
      statusOf(object).refusals?.some(({ code }) => code === 'SECRET_WRONG') === true
    await waitForObject(api, 'oidcclients', { namespace, name }, isTold)
    await pause(guessMs)
    const refused = guesses.reduce((sum, guess) => sum + guess.stop(), 0)
    process.stdout.write(
      `\n${refused} refused requests, ${Math.round((refused / guessMs) * 1000)} a second: ${writes()} writes of the status in five minutes\n`,
    )
    expect(refused).to.be.above(1_000)
    expect(writes()).to.equal(1)
  })

  /** Requests one after the other without a pause, over one connection after the other. */
  const startGuesses = (port: number): { stop(): number } => {
    const body = 'grant_type=client_credentials'
    const { authorization } = basic(`${namespace}.${name}`, 'a guess')
    const request = [
      'POST /token HTTP/1.1',
      `host: ${new URL(chain.front.issuer).host}`,
      `authorization: ${authorization}`,
      'content-type: application/x-www-form-urlencoded',
      `content-length: ${body.length}`,
      '',
      body,
    ].join('\r\n')
    let [refused, waiting, isOver] = [0, 0, false]
    let socket: Socket
    const send = () => {
      waiting = pipelined
      socket.write(request.repeat(pipelined))
    }
    const open = () => {
      socket = connect({ host: '127.0.0.1', port }, send)
      socket.setEncoding('latin1')
      socket.on('data', (text: string) => {
        const answers = text.split('HTTP/1.1 401').length - 1
        refused += answers
        waiting -= answers
        if (waiting <= 0 && !isOver) send()
      })
      socket.on('error', () => undefined)
      socket.once('close', () => {
        if (!isOver) open()
      })
    }
    open()
    return {
      stop: () => {
        isOver = true
        socket.destroy()
        return refused
      },
    }
  }
})
