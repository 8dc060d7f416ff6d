import { expect } from 'chai'
import { parse } from 'yaml'
import { Secret } from '@nauthera/runtime/secret'
import { createListing, outputFormats, renderOne, renderRows } from '../../../src/cli/terminal/output.ts'

describe(renderRows.name, () => {
  const rows = [
    { name: 'ada', groups: ['ops', 'dev'], disabled: false, createdAt: new Date(0), email: undefined },
    { name: 'a-longer-name', groups: [], disabled: true, createdAt: new Date(0), email: 'x@example.test' },
  ]
  it('draws a table for people', () => {
    expect(renderRows('table', rows, ['name', 'email', 'groups', 'disabled', 'createdAt'])).to.equal(
      [
        'NAME           EMAIL           GROUPS   DISABLED  CREATED-AT',
        'ada            -               ops,dev  no        1970-01-01T00:00:00Z',
        'a-longer-name  x@example.test  -        yes       1970-01-01T00:00:00Z',
        '',
      ].join('\n'),
    )
  })

  it('writes JSON for programs, with everything that is known', () => {
    const parsed = JSON.parse(renderRows('json', rows, ['name'])) as Record<string, unknown>[]
    expect(parsed[0]).to.deep.equal({
      name: 'ada',
      groups: ['ops', 'dev'],
      disabled: false,
      createdAt: '1970-01-01T00:00:00.000Z',
    })
    expect(renderRows('json', [], ['name'])).to.equal('[]\n')
  })

  it('writes YAML with the same content, and hides a secret everywhere', () => {
    const parsed = JSON.parse(renderRows('json', rows, ['name'])) as unknown
    expect(parse(renderRows('yaml', rows, ['name']))).to.deep.equal(parsed)
    expect(renderRows('yaml', [], ['name'])).to.equal('[]\n')
    for (const format of ['json', 'yaml'] as const)
      expect(renderRows(format, [{ password: new Secret('canary') }], ['password']))
        .to.contain('[redacted]')
        .and.not.contain('canary')
  })

  it('L15 lets no name move the cursor of a terminal', () => {
    const table = renderRows('table', [{ name: 'a\u001b[2Jb\nc\u202ed' }], ['name'])
    expect(table.replaceAll('\n', '')).to.not.match(/[\p{Cc}\p{Cf}]/u)
    expect(table.split('\n')).to.have.length(3)
  })
})

describe(renderOne.name, () => {
  const person = {
    username: 'mary',
    groups: ['admins', 'helpdesk'],
    factors: [
      { kind: 'totp', createdAt: new Date(0) },
      { kind: 'passkey', createdAt: new Date(0) },
    ],
    links: [],
  }
  it('draws a line for each field, and one for each object of a list', () => {
    expect(renderOne('table', person, ['username', 'groups', 'factors', 'links'])).to.equal(
      [
        'USERNAME  mary',
        'GROUPS    admins,helpdesk',
        'FACTORS   kind=totp  createdAt=1970-01-01T00:00:00Z',
        '          kind=passkey  createdAt=1970-01-01T00:00:00Z',
        'LINKS     -',
        '',
      ].join('\n'),
    )
  })

  it('writes JSON and YAML as a list of one', () => {
    for (const format of ['json', 'yaml'] as const)
      expect(renderOne(format, person, ['username'])).to.equal(renderRows(format, [person], ['username']))
  })

  it('L15 lets no name move the cursor of a terminal', () => {
    const lines = renderOne('table', { factors: [{ name: 'a\u001b[2Jb\nc' }] }, ['factors'])
    expect(lines.replaceAll('\n', '')).to.not.match(/[\p{Cc}\p{Cf}]/u)
    expect(lines.split('\n')).to.have.length(2)
  })
})

describe(createListing.name, () => {
  const rows = [{ name: 'ada' }, { name: 'bob' }, { name: 'cleo' }]
  for (const format of outputFormats)
    it(`writes a list in pages as it would at once: ${format}`, () => {
      const listing = createListing(format, ['name'])
      const pages = [listing.page(rows.slice(0, 2)), listing.page([]), listing.page(rows.slice(2)), listing.end()]
      expect(pages.join('')).to.equal(renderRows(format, rows, ['name']))
    })

  it('writes JSON as lines for a list that does not end', () => {
    const listing = createListing('json', ['name'], { asLines: true })
    expect(listing.page(rows.slice(0, 2)) + listing.end()).to.equal('{"name":"ada"}\n{"name":"bob"}\n')
  })
})
