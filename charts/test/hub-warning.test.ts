import { expect } from 'chai'
import { Environment } from '@marcbachmann/cel-js'
import { objectsOf } from './support/render.ts'
import type { Manifest } from './support/render.ts'

const name = 'auth.nauthera.hub-warning'

describe('what kubectl apply warns of in a cluster that has joined another', () => {
  const find = async (kind: string, mode?: string): Promise<Manifest | undefined> =>
    (await objectsOf(mode === undefined ? {} : { mode })).find((one) => one.kind === kind && one.metadata.name === name)

  it('is what has no effect there: policies, further clusters, and secrets that nobody minted', async () => {
    const policy = (await find('ValidatingAdmissionPolicy', 'spoke'))!
    const environment = new Environment({ homogeneousAggregateLiterals: false })
    for (const variable of ['object', 'request']) environment.registerVariable(variable, 'dyn')
    const warnings = (resource: string, spec: object): number => {
      const context = { object: { spec }, request: { resource: { resource } } }
      const rules: readonly { expression: string }[] = policy['spec'].validations
      return rules.filter(({ expression }) => environment.evaluate(expression, context) !== true).length
    }
    const given = { serverName: 'default', secret: { existingSecretRef: { name: 'a', key: 'b' } } }
    expect(warnings('oidcpolicies', {})).to.equal(1)
    expect(warnings('oidcclusters', {})).to.equal(1)
    expect(warnings('oidcclients', given)).to.equal(1)
    expect(warnings('oidcclients', { ...given, serverName: 'of another release' })).to.equal(0)
    expect(warnings('oidcclients', { serverName: 'default', secret: { name: 'a' } })).to.equal(0)
    expect(warnings('oidcclients', { serverName: 'default' })).to.equal(0)
  })

  it('refuses nothing, also while the rule cannot be asked', async () => {
    expect((await find('ValidatingAdmissionPolicyBinding', 'spoke'))?.['spec'].validationActions).to.deep.equal([
      'Warn',
    ])
    expect((await find('ValidatingAdmissionPolicy', 'spoke'))?.['spec'].failurePolicy).to.equal('Ignore')
  })

  it('is nothing in the cluster of the issuer', async () => {
    expect([await find('ValidatingAdmissionPolicy'), await find('ValidatingAdmissionPolicyBinding')]).to.deep.equal([
      undefined,
      undefined,
    ])
  })
})
