import { expect } from 'chai'
import { containersOf, objectsOf, podsOf, refusal } from './support/render.ts'
import type { Manifest } from './support/render.ts'

// What docs/hardening.md promises of `profile: hardened`, by the manifests. The scanners themselves run in scanners.nightly.test.ts.

const matches = (selector: Record<string, string>, labels: Record<string, string>): boolean =>
  Object.entries(selector).every(([key, value]) => labels[key] === value)

describe('profile: hardened', () => {
  let objects: Manifest[]
  let pods: ReturnType<typeof podsOf>
  before(async () => {
    objects = await objectsOf({ mode: 'hardened' })
    pods = podsOf(objects)
  })

  it('has a pod of each part, and none of helm test', () => {
    expect(pods.map(({ owner }) => owner.replace(/-[0-9a-f]{8}$/, '')).toSorted()).to.deep.equal([
      'CronJob/nauthera-backup',
      'Deployment/nauthera-operator',
      'Deployment/nauthera-server',
      'Job/nauthera-keys',
      'StatefulSet/nauthera-valkey',
    ])
  })

  it('names each image by its digest, and lets the kubelet ask for it each time', () => {
    for (const { owner, spec } of pods)
      for (const { image, imagePullPolicy, name } of containersOf(spec)) {
        expect(image, `${owner} ${name}`).to.match(/@sha256:[0-9a-f]{64}$/)
        expect(imagePullPolicy, `${owner} ${name}`).to.equal('Always')
      }
  })

  it('limits the processors of a server to 2, or to what the values say', async () => {
    const limitOf = (all: Manifest[]) =>
      containersOf(podsOf(all).find(({ owner }) => owner === 'Deployment/nauthera-server')!.spec).find(
        ({ name }) => name === 'server',
      )?.['resources'].limits.cpu
    const values = { server: { resources: { limits: { cpu: '4' } } } }
    expect(limitOf(objects)).to.equal('2')
    expect(limitOf(await objectsOf({ mode: 'hardened', values }))).to.equal('4')
    expect(limitOf(await objectsOf({ mode: 'minimal' }))).to.equal(undefined)
  })

  it('mounts a token of the API into one container alone, where one is needed', () => {
    const withToken = pods.flatMap(({ owner, spec }) => {
      expect(spec['automountServiceAccountToken'], owner).to.equal(false)
      return containersOf(spec)
        .filter(({ volumeMounts }) => JSON.stringify(volumeMounts ?? []).includes('kubernetes.io/serviceaccount'))
        .map(({ name }) => name)
    })
    expect(withToken.toSorted()).to.deep.equal(['create-keys', 'operator'])
  })

  it('has a NetworkPolicy in both directions for each pod, and a budget and a spread over nodes for what has replicas', () => {
    const labels = new Map(pods.map(({ owner, metadata }) => [owner, metadata.labels!]))
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy')
    for (const [owner, ofPod] of labels) {
      const own = policies.filter(({ spec }) => matches(spec.podSelector.matchLabels, ofPod))
      expect(own, owner).to.have.length(1)
      expect(own[0]!['spec'].policyTypes, owner).to.deep.equal(['Ingress', 'Egress'])
    }
    const budgets = objects.filter(({ kind }) => kind === 'PodDisruptionBudget')
    for (const { owner, spec } of pods.filter(({ owner }) => /^(Deployment|StatefulSet)/.test(owner))) {
      expect(
        budgets.filter((budget) => matches(budget['spec'].selector.matchLabels, labels.get(owner)!)),
        owner,
      ).to.have.length(1)
      expect(spec['topologySpreadConstraints'], owner).to.deep.include({
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: budgets.find((budget) => matches(budget['spec'].selector.matchLabels, labels.get(owner)!))![
          'spec'
        ].selector,
      })
    }
  })

  it('refuses an image without a digest, and names the value', async () => {
    const said = await refusal({ mode: 'hardened', values: { agent: { image: { digest: '' } } } })
    expect(said)
      .to.contain('agent.image.digest is empty and profile is hardened')
      .and.not.contain('server.image.digest')
  })
})
