import { expect } from 'chai'
import { Secret } from '@nauthera/runtime/secret'
import { createRestore } from '../../src/secret/restore.ts'
import { createOneClient, createWriting, marksOf, planOf, values } from './one-client.ts'
import type { OneClient } from './one-client.ts'

describe('createRestore', () => {
  let one: OneClient
  let writing: ReturnType<typeof createWriting>
  beforeEach(() => {
    one = createOneClient()
    writing = createWriting(one)
  })

  const resting = (value: string) => planOf({ kind: 'rest' }, { secret: marksOf(one, value) })

  it('creates the Secret where there is none, and remembers its name', async () => {
    await writing.take(createRestore(writing.write), planOf({ kind: 'rest' }), { source: { kind: 'none' } })
    expect(one.secrets.calls).to.deep.equal(['create app-oidc'])
    expect([...one.memory.names]).to.deep.equal(['app-oidc'])
    expect(one.log.told('secret created').length).to.equal(1)
  })

  it('writes only the value that the plan names, even when a newer one is known', async () => {
    writing.hold(values.old)
    writing.pend(values.fresh)
    await writing.take(createRestore(writing.write), resting(values.old), {
      given: new Secret('a-secret-of-its-own-with-40-characters-'),
    })
    expect(one.published()).to.equal(values.old)
  })

  it('writes nothing when the value that belongs there is not known', async () => {
    writing.hold('edited by somebody')
    const outcome = await writing.take(createRestore(writing.write), resting(values.old))
    expect(outcome).to.deep.equal({ kind: 'ended', secret: { kind: 'pending', name: 'app-oidc' } })
    expect(one.secrets.calls).to.deep.equal([])
  })

  it('says which template does not render, and writes nothing', async () => {
    one = createOneClient({ spec: { secret: { data: { url: '{{ .nothing }}' } } } })
    writing = createWriting(one)
    writing.hold(values.old)
    const outcome = await writing.take(createRestore(writing.write), resting(values.old))
    expect(outcome).to.have.nested.property('secret.kind', 'template-invalid')
    expect(outcome).to.have.nested.property('secret.faults[0].path', 'spec.secret.data.url')
    expect(one.secrets.calls).to.deep.equal([])
  })
})
