import { Readable } from 'node:stream'
import { expect } from 'chai'
import { elementsOf } from '../../../src/users/import/array-elements.ts'

const read = async (pieces: Iterable<string | Buffer>) => {
  const texts: (string | undefined)[] = []
  for await (const found of elementsOf(Readable.from(pieces), 'users')) {
    if (found.kind === 'end') return { texts, reason: found.reason }
    texts.push(found.text)
  }
  throw new Error('no end')
}

const people = [
  { name: 'Zoë "the ]} one" \\', nested: { users: [{ deep: ['}', '[', '"'] }] }, empty: [], none: {} },
  { text: String.raw`{\"value\":\"a==\"}`, escaped: '\\\\"' },
]
const file = JSON.stringify({
  id: 'users',
  clients: [{ users: [{ wrong: true }] }],
  'users ': [{ wrong: true }],
  users: people,
  after: { users: [{ wrong: true }] },
  federatedUsers: [{ wrong: true }],
})

describe('elementsOf', () => {
  it('finds each object of the array, and nothing of the same name elsewhere', async () => {
    const { texts, reason } = await read([file])
    expect([texts.map((text) => JSON.parse(text!) as unknown), reason]).to.deep.equal([people, 'complete'])
  })

  it('says the same wherever the pieces of the file end, also inside of a letter', async () => {
    const bytes = Buffer.from(JSON.stringify(JSON.parse(file), null, 2))
    for (const length of [1, 2, 3, 5, 7, 64]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / length) }, (_, at) =>
        bytes.subarray(at * length, (at + 1) * length),
      )
      const { texts, reason } = await read(pieces)
      expect([texts.map((text) => JSON.parse(text!) as unknown), reason], `pieces of ${length}`).to.deep.equal([
        people,
        'complete',
      ])
    }
  })

  const endings: [string, string, string[], string][] = [
    ['says that a file is cut off, after what it holds', '{"users": [{"a": 1}, {"b"', ['{"a": 1}'], 'cut-off'],
    ['says that there is no such array', '{"realm": "x", "clients": [{}]}', [], 'no-array'],
    ['says that a list is no object', '[{"users": [{"a": 1}]}]', [], 'no-object'],
    ['takes no number for an object', '{"users": [1, "x", {"a": 1}, null]}', ['{"a": 1}'], 'complete'],
    ['takes an empty array for complete', '\uFEFF{"users": []}', [], 'complete'],
    ['finds nothing in what is no JSON', 'hello', [], 'no-array'],
  ]
  for (const [sentence, text, texts, reason] of endings)
    it(sentence, async () => expect(await read([text])).to.deep.equal({ texts, reason }))

  it('keeps no element that is too long, and goes on with the next', async () => {
    const long = JSON.stringify({ users: [{ text: 'x'.repeat(300_000) }, { a: 1 }] })
    const pieces = [long.slice(0, 100_000), long.slice(100_000, 200_000), long.slice(200_000)]
    expect(await read(pieces)).to.deep.equal({ texts: [undefined, '{"a":1}'], reason: 'complete' })
  })

  it('keeps an element of 262,144 characters, and none with one more', async () => {
    const brackets = '{"text":""}'.length
    const [longest, longer] = [262_144, 262_145].map((length) => `{"text":"${'x'.repeat(length - brackets)}"}`)
    expect(await read([`{"users":[${longest},${longer}]}`])).to.deep.equal({
      texts: [longest, undefined],
      reason: 'complete',
    })
  })
})
