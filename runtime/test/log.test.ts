import { expect } from 'chai'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createLog, foreign, foreignUri } from '@nauthera/runtime/log'
import { fieldsOf } from '@nauthera/runtime/json'
import { Secret } from '@nauthera/runtime/secret'

function lines(format: 'json' | 'pretty', write: (log: ReturnType<typeof createLog>) => void): string[] {
  const written: string[] = []
  write(createLog({ process: 'server', level: 'info', format, sink: { write: (line) => void written.push(line) } }))
  return written
}

describe('createLog', () => {
  it('writes a line for people: level, message, then fields', () => {
    const [line] = lines('pretty', (log) => log.info({ change: 'c7f2', shard: 7, reason: 'not a JWK set' }, 'live'))
    expect(line).to.equal('INF live       change=c7f2 shard=7 reason="not a JWK set"\n')
  })

  it('writes JSON with the same keys', () => {
    const [line] = lines('json', (log) => log.warn({ change: 'c801' }, 'rejected'))
    expect(JSON.parse(line ?? '')).to.include({ process: 'server', change: 'c801', msg: 'rejected' })
  })

  it('writes the time to the millisecond, whichever lines share a second', () => {
    const times = [
      '2026-12-01T03:42:59.007Z',
      '2026-12-01T03:42:59.999Z',
      '2026-12-01T03:43:00.000Z',
      '2026-12-01T03:42:59.050Z',
    ]
    const { now } = Date
    try {
      const written = lines('json', (log) => {
        for (const time of times) {
          Date.now = () => Date.parse(time)
          log.info({}, 'live')
        }
      })
      expect(written.map((line) => fieldsOf(JSON.parse(line))['time'])).to.deep.equal(times)
    } finally {
      Date.now = now
    }
  })

  it('escapes what a terminal would obey, in pretty lines: control characters, directions, what is not seen', () => {
    const nasty = [
      '\u001b[2J',
      'a\u007fb',
      '\u009b31m',
      'a\u202eb',
      'a\u200bb',
      'a\nERR forged',
      'a\u2028b',
      '\u{e0041}',
    ]
    for (const got of nasty) {
      const [line, ...others] = lines('pretty', (log) => log.warn({ got, in: [got] }, 'refused'))
      expect(others).to.deep.equal([])
      expect(line!.trimEnd()).to.match(/^[\x20-\x7e]*$/)
    }
  })

  it('adds the fields of a child log to each of its lines', () => {
    const [line] = lines('pretty', (log) => log.child({ replica: 'a-1' }).info({ seq: 4n.toString() }, 'push'))
    expect(line).to.equal('INF push       replica=a-1 seq=4\n')
  })

  it('drops lines below the level', () => {
    expect(lines('json', (log) => log.debug({}, 'noise'))).to.deep.equal([])
  })

  it('writes an error as its code and causes, and a secret as [redacted]', () => {
    const error = new CodedError('STORE_UNAVAILABLE', { cause: new Error('connect ECONNREFUSED') })
    const [line] = lines('json', (log) => log.error({ error, password: new Secret('hunter22') }, 'sign-in failed'))
    expect(line).to.contain('STORE_UNAVAILABLE <- connect ECONNREFUSED')
    expect(line).to.contain('[redacted]')
    expect(line).not.to.contain('hunter22')
  })
})

describe('foreign', () => {
  it('cuts a text from outside at 200 characters, and leaves a shorter one as it is', () => {
    expect(foreign('a'.repeat(200))).to.equal('a'.repeat(200))
    expect(foreign('a'.repeat(5000))).to.equal(`${'a'.repeat(200)}…`)
    expect(foreign(`${'a'.repeat(199)}\u{1f600}`).isWellFormed()).to.equal(true)
  })
})

describe('foreignUri', () => {
  const shown: readonly [uri: string, shown: string][] = [
    ['https://ada:x@app.example.com/Callback?code=1#a', 'https://app.example.com/Callback'],
    ['com.example.app:/other?code=1', 'com.example.app:/other'],
    ['no address?code=1', 'no address'],
  ]
  for (const [uri, text] of shown) it(`shows ${uri} as ${text}`, () => expect(foreignUri(uri)).to.equal(text))

  it('cuts a long one', () => expect(foreignUri(`https://a.example/${'a'.repeat(500)}`)).to.have.length(201))
})
