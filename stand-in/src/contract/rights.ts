import { expect } from 'chai'
import type { KubeAnswer, KubeClient } from '../kube-client.ts'
import { operatorRules } from '../operator-rules.ts'
import type { Subject } from './subject.ts'
import { apply, clientOf, expectRefusal, group, merge, secretOf } from './subject.ts'

export function rights(on: Subject): void {
  const { create, clients, secrets, namespace } = on
  describe('rights', () => {
    let operator: KubeClient
    const forbidden = (answer: KubeAnswer, verb: string, resource: string) => {
      expectRefusal(answer, 403, 'Forbidden')
      expect(answer.body.message).to.include(`cannot ${verb} resource "${resource}"`)
    }

    before(async function () {
      this.timeout(60_000)
      await create(secrets, secretOf('readable', { a: '1' }))
      const rules = operatorRules({ mode: 'release', release: 'contract', namespace, nudge: true })
      operator = await on.userWith(rules, namespace)
    })

    it('let the operator read a Secret by name, and never list or watch Secrets', async () => {
      expect((await operator.call('GET', `${secrets}/readable`)).status).to.equal(200)
      forbidden(await operator.call('GET', secrets), 'list', 'secrets')
      const watch = await operator.watch(secrets, { timeoutSeconds: 5 })
      expect((await watch.next())?.object).to.include({ code: 403 })
      watch.close()
    })

    it('let the operator write the status of a client, and not its spec', async () => {
      await create(clients, clientOf('limited'))
      const status = { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', metadata: { name: 'limited' } }
      const written = await operator.call('PATCH', `${clients}/limited/status`, {
        query: { fieldManager: 'nauthera-operator-status', force: true },
        body: { ...status, status: { observedGeneration: 1 } },
        contentType: apply,
      })
      expect(written.status, JSON.stringify(written.body)).to.equal(200)
      const spec = await operator.call('PATCH', `${clients}/limited`, {
        body: { spec: { displayName: 'x' } },
        contentType: merge,
      })
      forbidden(spec, 'patch', 'oidcclients')
    })

    it('end at the namespace that they are for', async () => {
      forbidden(await operator.call('GET', '/api/v1/namespaces/default/secrets/readable'), 'get', 'secrets')
      forbidden(await operator.call('GET', `${group}/oidcclients`), 'list', 'oidcclients')
      forbidden(await operator.call('GET', '/api/v1/namespaces'), 'list', 'namespaces')
    })
  })
}
