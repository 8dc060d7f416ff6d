import { expect } from 'chai'
import { client } from '../../decide/clients.ts'
import { kubectlGives, pluginNow, runPlugin } from '../plugin.ts'

/** As `kubectl logs --prefix --timestamps` prints it. @param at seconds after the begin */
const logged = (container: string, at: number, fields: object): string =>
  `[pod/nauthera-${container}-0/${container}] ${new Date(pluginNow - 10_000 + at * 1000).toISOString()} ${JSON.stringify({ level: 30, ...fields })}`

const lines = [
  logged('config-agent', 3, { msg: 'diff', change: 'c7f2', client: 'demo/app', field: 'redirectURIs' }),
  logged('operator', 1, { msg: 'shard written', change: 'c7f2', shard: 7 }),
  logged('server', 4, { msg: 'live', change: 'c7f2', shard: 7 }),
  logged('operator', 2, { msg: 'shard written', change: 'ab12', shard: 3 }),
  logged('server', 5, { msg: 'rejected', change: 'c7f2', client: 'demo/app', level: 40, reason: 'no' }),
  logged('config-agent', 6, { msg: 'diff', change: 'ab12', client: 'demo/other' }),
  `[pod/nauthera-server-1/server] ${new Date(pluginNow - 3_000).toISOString()} INF live       change=c7f2 shard=7`,
  'no log line',
]

/** The Deployment of the operator of a release. */
const operatorOf = (namespace: string, release: string) => ({
  metadata: { namespace, labels: { 'app.kubernetes.io/instance': release } },
})

const tail = (args: readonly string[], isColoured = false, all = lines) =>
  runPlugin(['tail', ...args], {
    isColoured,
    kubectl: (called) =>
      called.includes('deployments')
        ? kubectlGives({ items: [operatorOf('auth', 'nauthera')] })
        : kubectlGives({ kind: 'OIDCClient', ...client({}), status: { servedBy: 'auth/nauthera' } }),
    stream: async (_args, onLine) => {
      for (const line of all) onLine(line)
      return { code: 0, stderr: '' }
    },
  })

describe('kubectl nauthera tail', () => {
  it('prints the lines of all processes in the order of time, with the change of each', async () => {
    const { code, out } = await tail([])
    expect(code).to.equal(0)
    expect(out.split('\n')).to.deep.equal([
      '11:59:51.000 operator     c7f2 shard written shard=7 (nauthera-operator-0)',
      '11:59:52.000 operator     ab12 shard written shard=3 (nauthera-operator-0)',
      '11:59:53.000 config-agent c7f2 diff demo/app field=redirectURIs (nauthera-config-agent-0)',
      '11:59:54.000 server       c7f2 live shard=7 (nauthera-server-0)',
      '11:59:55.000 server       c7f2 WARN rejected demo/app reason=no (nauthera-server-0)',
      '11:59:56.000 config-agent ab12 diff demo/other (nauthera-config-agent-0)',
      '11:59:57.000 server       c7f2 INF live       change=c7f2 shard=7 (nauthera-server-1)',
      '',
    ])
  })

  it('of one client prints its lines and those of its changes, also of before the first that names it', async () => {
    const { out } = await tail(['app', '-n', 'demo'])
    expect(out).to.include('c7f2 shard written').and.to.include('live shard=7').and.not.to.include('ab12')
  })

  it('has a colour for each change on a terminal, and escapes what a line could do to it', async () => {
    const { out } = await tail([], true)
    const colours = new Set(
      [...out.matchAll(/\u001b\[(\d+)m[^\n]*(c7f2|ab12) (?!WARN)/g)].map(([, code, id]) => `${id} ${code}`),
    )
    expect(colours.size).to.equal(2)
    expect(out).to.match(/\u001b\[31m[^\n]*WARN rejected/)
  })

  it('L15 shows what a stranger sent within one line, and nothing of it moves the cursor or the text', async () => {
    const sent = 'https://x/\n11:59:59.000 operator     c7f2 all is well\u001b[2J\r\u202e'
    const { out } = await tail([], false, [logged('server', 1, { msg: 'refused', redirectUri: sent })])
    expect(out).to.equal(
      '11:59:51.000 server            refused redirectUri=https://x/\\u{a}11:59:59.000 operator     c7f2 all is well\\u{1b}[2J\\u{d}\\u{202e} (nauthera-server-0)\n',
    )
  })

  it('reads the logs of one release, and none of another one beside it', async () => {
    for (const args of [[], ['app', '-n', 'demo'], ['--release', 'auth/nauthera']]) {
      const asked: string[] = []
      await runPlugin(['tail', ...args], {
        kubectl: (called) =>
          called.includes('deployments')
            ? kubectlGives({ items: [operatorOf('auth', 'nauthera')] })
            : kubectlGives({ kind: 'OIDCClient', ...client({}), status: { servedBy: 'auth/nauthera' } }),
        stream: async (called) => {
          asked.push(called.join(' '))
          return { code: 0, stderr: '' }
        },
      })
      expect(asked, args.join(' ')).to.have.length(1)
      expect(asked[0])
        .to.include('app.kubernetes.io/instance=nauthera,')
        .and.to.match(/ (-n|--namespace)[ =]auth\b/)
    }
  })

  it('asks which release, where there are several, also in one namespace', async () => {
    const { code, error } = await runPlugin(['tail'], {
      kubectl: () => kubectlGives({ items: [operatorOf('a', 'one'), operatorOf('a', 'two')] }),
    })
    expect({ code, error }).to.deep.equal({
      code: 2,
      error: 'there are the releases a/one, a/two: say which with --release\n',
    })
  })

  it('names a release as all commands do', async () => {
    for (const release of ['auth', 'auth/', '/nauthera']) {
      const { code, error } = await tail(['--release', release])
      expect({ code, error }).to.deep.equal({
        code: 2,
        error: `--release ${release}: must be <namespace>/<name>, as in auth/nauthera\n`,
      })
    }
  })

  it('says what kubectl says when it may not read logs', async () => {
    const { code, error } = await runPlugin(['tail', '--release', 'auth/nauthera'], {
      stream: async () => ({ code: 1, stderr: 'Error from server (Forbidden): pods/log\n' }),
    })
    expect({ code, error }).to.deep.equal({ code: 2, error: 'Error from server (Forbidden): pods/log\n' })
  })
})
