import { expect } from 'chai'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import { changesOfEvent, changesOfList, listAll, lostMost, parseEvent } from '../../src/kubernetes/collection.ts'
import type { CollectionChange } from '../../src/kubernetes/collection.ts'
import type { ApiCall } from '../../src/kubernetes/connection.ts'
import type { KubernetesObject, ListAnswer } from '../../src/kubernetes/objects.ts'

const object = (name: string, resourceVersion = '1', uid = name): KubernetesObject => ({
  metadata: { namespace: 'apps', name, resourceVersion, uid },
})
const copyOf = (...objects: KubernetesObject[]) => new Map(objects.map((one) => [`apps/${one.metadata.name}`, one]))
const told = (changes: readonly CollectionChange<KubernetesObject>[]) =>
  changes.map(({ kind, key }) => `${kind} ${key.replace('apps/', '')}`)

describe('changesOfList', () => {
  const copy = copyOf(object('a'), object('b'), object('c'))

  it('tells what is gone, then what is new or another version', () => {
    expect(told(changesOfList(copy, [object('c', '2'), object('b'), object('d')]))).to.deep.equal([
      'deleted a',
      'updated c',
      'added d',
    ])
  })
  it('F32 takes an object of the same name for a deletion and an addition', () => {
    expect(told(changesOfList(copyOf(object('a')), [object('a', '9', 'another')]))).to.deep.equal([
      'deleted a',
      'added a',
    ])
  })
  it('K19 tells of the same version when it was cut before, and is not now', () => {
    const cut = { metadata: { ...object('a').metadata, refused: 'no room' } }
    expect(told(changesOfList(copyOf(cut), [object('a')]))).to.deep.equal(['updated a'])
    expect(told(changesOfList(copyOf(cut), [cut]))).to.deep.equal([])
  })
  it('drops managed fields and the annotations of others, which nobody reads', () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}' }
    const found = { metadata: { ...object('a').metadata, managedFields: [{ manager: 'kubectl' }], annotations } }
    const [change] = changesOfList(new Map(), [found])
    expect(change).to.have.property('object').that.deep.equals(object('a'))
  })
  it('T70 keeps of owners that there are any', () => {
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Secret', name: 'x', uid: 'u' }]
    const [change] = changesOfList(new Map(), [{ metadata: { ...object('a').metadata, ownerReferences } }])
    expect(change).to.have.nested.property('object.metadata.ownerReferences').that.deep.equals([])
  })
  it('keeps our own annotations', () => {
    const ours = { 'auth.nauthera.io/rotate': '1' }
    const found = { metadata: { ...object('a').metadata, annotations: { ...ours, other: 'x' } } }
    const [change] = changesOfList(new Map(), [found])
    expect(change).to.have.nested.property('object.metadata.annotations').that.deep.equals(ours)
  })
})

describe('changesOfEvent', () => {
  const copy = copyOf(object('a', '5'))
  for (const [sentence, type, one, expected] of [
    ['tells an object that is new', 'ADDED', object('b'), ['added b']],
    ['tells a version that is new', 'MODIFIED', object('a', '6'), ['updated a']],
    ['tells nothing of the version that is known', 'ADDED', object('a', '5'), []],
    ['tells a deletion', 'DELETED', object('a', '7'), ['deleted a']],
    ['F32 tells no deletion when an earlier object of that name is gone', 'DELETED', object('a', '7', 'earlier'), []],
    ['tells no deletion of what is not there', 'DELETED', object('b'), []],
    ['tells nothing of a bookmark', 'BOOKMARK', { metadata: { name: '', resourceVersion: '9' } }, []],
  ] as const) {
    it(sentence, () => {
      expect(told(changesOfEvent(copy, { type, object: one }))).to.deep.equal(expected)
    })
  }
})

describe('an update', () => {
  const withSpec = (resourceVersion: string, generation: number, title: string) => {
    const { metadata } = object('a', resourceVersion)
    return { metadata: { ...metadata, generation }, spec: { title } }
  }
  const specAfter = (found: ReturnType<typeof withSpec>) => {
    const before = withSpec('5', 1, 'Wiki')
    const [change] = changesOfEvent(copyOf(before), { type: 'MODIFIED', object: found })
    if (change?.kind !== 'updated') throw new Error('no update')
    return { before: before.spec, after: (change.object as typeof before).spec }
  }

  it('of the status leaves the spec the very same object, which is judged already', () => {
    const { before, after } = specAfter(withSpec('6', 1, 'Wiki'))
    expect(after).to.equal(before)
  })
  it('of the spec brings the new one, whatever the generation says', () => {
    expect(specAfter(withSpec('6', 2, 'Grafana')).after).to.deep.equal({ title: 'Grafana' })
    expect(specAfter(withSpec('6', 1, 'Grafana')).after).to.deep.equal({ title: 'Grafana' })
  })
})

describe('lostMost', () => {
  for (const [known, listed, lost] of [
    [['a', 'b', 'c'], ['a'], 2],
    [['a', 'b'], ['a'], undefined],
    [['a'], [], 1],
    [[], ['a'], undefined],
  ] as const) {
    it(`F34 ${lost === undefined ? 'believes' : 'doubts'} a list of ${listed.length} where ${known.length} were known`, () => {
      expect(
        lostMost(
          known.map((name) => `apps/${name}`),
          listed.map((name) => object(name)),
        ),
      ).to.equal(lost)
    })
  }
})

describe('listAll', () => {
  const list = (unpaged: boolean, ...pages: (ListAnswer<KubernetesObject> | undefined)[]) => {
    const calls: ApiCall[] = []
    const call = async <T>(sent: ApiCall) => {
      calls.push(sent)
      return pages.shift() as T
    }
    const about = { path: '/api/v1/pods', query: { labelSelector: 'x' }, unpaged, signal: new AbortController().signal }
    return { calls, listed: listAll<KubernetesObject>({ call }, about) }
  }

  it('reads page after page to the last, and returns the version to go on from', async () => {
    const { calls, listed } = list(
      false,
      { items: [object('a')], metadata: { continue: 'more', resourceVersion: '7' } },
      { items: [object('b')], metadata: { continue: '', resourceVersion: '7' } },
    )
    expect(await listed).to.deep.equal({ items: [object('a'), object('b')], resourceVersion: '7' })
    expect(calls.map(({ query }) => [query?.['limit'], query?.['continue']])).to.deep.equal([
      ['500', undefined],
      ['500', 'more'],
    ])
  })
  it('refuses a list with an item that is no object, as a watch refuses such an event', async () => {
    const { listed } = list(false, { items: [{ kind: 'Pod' } as never], metadata: { resourceVersion: '7' } })
    expect(await listed.catch((error: unknown) => error)).to.have.property('code', 'KUBERNETES_ANSWER_INVALID')
  })

  it('T70 reads few at a time what is too large for one answer, and keeps only what it is told to', async () => {
    const calls: ApiCall[] = []
    const large = new ApiError('KUBERNETES_ANSWER_INVALID', { message: 'answer of more than 67108864 bytes' })
    const pages: unknown[] = [
      large,
      { items: [object('a')], metadata: { continue: 'more' } },
      large,
      { items: [object('b')], metadata: { resourceVersion: '7' } },
    ]
    const call = async <T>(sent: ApiCall) => {
      calls.push(sent)
      const page = pages.shift()
      if (page instanceof Error) throw page
      return page as T
    }
    const cut = (one: KubernetesObject) => ({ metadata: { name: one.metadata.name } })
    const about = { path: '/api/v1/pods', query: {}, unpaged: false, signal: new AbortController().signal, cut }
    const { items } = await listAll<KubernetesObject>({ call } as never, about)
    expect(items).to.deep.equal([{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }])
    expect(calls.map(({ query }) => [query?.['limit'], query?.['continue']])).to.deep.equal([
      ['500', undefined],
      ['20', undefined],
      ['500', 'more'],
      ['20', 'more'],
    ])
  })
  it('reads everything in one answer when pages expire', async () => {
    const { calls, listed } = list(true, { items: null, metadata: { resourceVersion: '7' } })
    expect(await listed).to.deep.equal({ items: [], resourceVersion: '7' })
    expect(calls[0]?.query).to.deep.equal({ labelSelector: 'x', limit: undefined, continue: undefined })
  })
  for (const [what, answer] of [
    ['items', { metadata: { resourceVersion: '7' } }],
    ['resourceVersion', { items: [] }],
  ] satisfies [string, ListAnswer<KubernetesObject>][]) {
    it(`does not take an answer without ${what} for an empty list`, async () => {
      const error = await list(false, answer).listed.catch((reason: unknown) => reason)
      expect(error).to.be.instanceOf(ApiError).with.property('code', 'KUBERNETES_ANSWER_INVALID')
    })
  }
})

describe('parseEvent', () => {
  it('throws what an ERROR event says', () => {
    const line = { type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old' } }
    expect(() => parseEvent(line, '/api/v1/pods'))
      .to.throw(ApiError, 'too old')
      .with.include({ status: 410, reason: 'Expired' })
  })
  for (const line of [{}, { type: 'ADDED' }, { type: 'OTHER', object: object('a') }]) {
    it(`throws for ${JSON.stringify(line)}`, () => {
      expect(() => parseEvent(line, '/api/v1/pods')).to.throw(ApiError, 'without type or object')
    })
  }
})
