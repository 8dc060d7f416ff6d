import { globSync } from 'node:fs'
import { expect } from 'chai'
import { mirrorsOf, testsOf } from '../../house/tests-of.ts'

const tests = globSync('*/test/**/*.test.ts')

describe('the tests of a file', () => {
  it('are those of its name, and those that import it', () => {
    const page = 'server/src/http/pages/pages.ts'
    expect(testsOf(page, tests)).to.include('server/test/http/pages/pages.test.ts')
    const importer = 'ci/test/audit-events.test.ts'
    expect(testsOf('server/src/store/audit/audit-event.ts', [importer])).to.include(importer)
  })

  it('are those that are named for it elsewhere, only where none has its name', () => {
    expect(testsOf('operator/src/keys/main.ts', [])).to.deep.equal(['local/test/product/stack.integration.test.ts'])
    expect(testsOf('server/src/http/pages/pages.ts', [])).to.deep.equal(mirrorsOf('server/src/http/pages/pages.ts'))
  })

  it('are found for scripts, and for files that a test has between quotes', () => {
    expect(testsOf('scripts/house/tests-of.ts', [])).to.deep.equal(['scripts/test/house/tests-of.test.ts'])
    expect(testsOf('server/locales/en.json', ['ci/test/guides.test.ts'])).to.deep.equal(['ci/test/guides.test.ts'])
  })

  it('are none where no test is near, and a test is its own', () => {
    expect(testsOf('docs/a-page.md', [])).to.deep.equal([])
    expect(testsOf('rules/test/check-client.test.ts', tests)).to.deep.equal(['rules/test/check-client.test.ts'])
  })
})
