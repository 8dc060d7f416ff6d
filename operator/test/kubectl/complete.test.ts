import { expect } from 'chai'
import { runPlugin } from './plugin.ts'

describe('kubectl_complete-nauthera', () => {
  const offered = async (...words: string[]) => {
    const kubectl = (args: readonly string[]) => ({
      code: 0,
      stdout: args[1] === 'namespaces' ? 'demo\ndev\n' : 'grafana\nreport\n',
      stderr: '',
    })
    const { code, out, calls } = await runPlugin(['__complete', ...words], { kubectl })
    expect(code).to.equal(0)
    return { lines: out.trimEnd().split('\n'), calls }
  }

  it('offers commands with what they do, and no files', async () => {
    const { lines } = await offered('r')
    expect(lines).to.deep.equal([
      'rotate\tAsks for a new client secret now',
      'resume\tLets a suspended client go on',
      'render\tShows what OIDCClients become',
      ':4',
    ])
    expect((await offered('policy', '')).lines[0]).to.match(/^test\t/)
  })

  it('offers names of clients, of the namespace and context of the line, and only one', async () => {
    const { lines, calls } = await offered('why', '-n', 'demo', '--context=c', 'g')
    expect(lines).to.deep.equal(['grafana', ':4'])
    expect(calls[0]).to.match(/^get oidcclients\S+ .* --request-timeout 3s --namespace demo --context c$/)
    expect((await offered('why', 'grafana', '')).lines).to.deep.equal([':4'])
    const { lines: both } = await offered('secret', '')
    expect(
      both.map((line) => line.split('\t')[0]),
      'beside a command',
    ).to.deep.equal(['new', 'grafana', 'report', ':4'])
  })

  it('offers options, their values, namespaces and files', async () => {
    expect((await offered('list', '--un')).lines[0]).to.match(/^--unused\t/)
    expect((await offered('list', '-o', '')).lines).to.deep.equal(['json', 'yaml', 'wide', ':4'])
    expect((await offered('list', '-n', 'de')).lines).to.deep.equal(['demo', 'dev', ':4'])
    expect((await offered('render', '-f', '')).lines).to.deep.equal([':0'])
  })

  it('offers nothing where the cluster does not answer', async () => {
    const { code, out } = await runPlugin(['__complete', 'why', ''])
    expect({ code, out }).to.deep.equal({ code: 0, out: ':4\n' })
  })
})
