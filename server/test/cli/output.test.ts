import { expect } from 'chai'
import { renderRows } from '../../src/cli/output.ts'

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

  it('L15 lets no name move the cursor of a terminal', () => {
    const table = renderRows('table', [{ name: 'a\u001b[2Jb\nc\u202ed' }], ['name'])
    expect(table.replaceAll('\n', '')).to.not.match(/[\p{Cc}\p{Cf}]/u)
    expect(table.split('\n')).to.have.length(3)
  })
})
