import { readFileSync, readdirSync } from 'node:fs'
import { expect } from 'chai'
import { auditEvents } from '@nauthera/server/store/audit/audit-event'

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(`${folder}/${name}`, 'utf8'))

describe('the events of the audit log', () => {
  const names = Object.keys(auditEvents)
  const code = filesOf('server/src').filter((text) => !text.includes('export const auditEvents'))
  const tests = ['server/test', 'ci/faults'].flatMap(filesOf)
  const naming = (texts: readonly string[], name: string) =>
    texts.some((text) => text.includes(`'${name}'`) || text.includes(`"${name}"`))

  it('are words of the log, and admin.* are as many as there are commands', () => {
    expect(names.filter((name) => !/^[a-z]+\.[a-z_]+$/.test(name) || name.startsWith('admin.'))).to.deep.equal([])
  })

  for (const name of names) {
    it(`${name} is told somewhere, and a test sees it`, () => {
      expect(naming(code, name), 'told').to.equal(true)
      expect(naming(tests, name), 'seen').to.equal(true)
    })
  }
})
