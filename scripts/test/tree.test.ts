import { expect } from 'chai'
import { firstSentence, isBuried } from '../tree.ts'

describe('what a file says of itself', () => {
  const header = `import { a } from './a.ts'\nimport type {\n  B,\n} from './b.ts'\n\n`
  for (const [sentence, path, text, said] of [
    [
      'is the first sentence of its comment',
      'x/a.ts',
      '// One thing among others. Another thing.\n',
      'One thing among others',
    ],
    ['may have two lines', 'x/a.ts', `// One thing\n// of two lines. More.\n${header}`, 'One thing of two lines'],
    ['may follow the line of a program', 'x/a.mjs', '#!/usr/bin/env node\n// A program.\n', 'A program'],
    [
      'is else that of what the file is named after',
      'x/push-shards.ts',
      '/** Seconds. */\nexport const wait = 1\n/** Pushes shards.\n *  @returns when */\nexport async function pushShards() {}\n',
      'Pushes shards',
    ],
    ['knows what binds dependencies', 'x/gate.ts', '/** Lets in. */\nexport function createGate() {}\n', 'Lets in'],
    ['is nothing where another export is described', 'x/a.ts', '/** Of b. */\nexport const b = 1\n', undefined],
    ['is nothing where only a result is', 'x/a.ts', '/** @returns b */\nexport const a = 1\n', undefined],
    ['ends at a name of a standard, not at its dots', 'x/a.ts', '// Of v. 2 and e.g. `b`.\n', 'Of v. 2 and e.g. `b`'],
  ] as const) {
    it(sentence, () => expect(firstSentence(path, text)).to.equal(said))
  }

  it('stands above the imports', () => {
    expect(isBuried(`${header}// One thing.\n\nexport const a = 1\n`)).to.equal(true)
    expect(isBuried(`${header}// Why this one.\nexport const a = 1\n`), 'of what follows').to.equal(false)
    expect(isBuried(`// One thing.\n${header}// A part of it.\n\nexport const a = 1\n`)).to.equal(false)
  })

  it('is cut where a clause ends when it is too long for a line', () => {
    const text = `// ${'word '.repeat(20)}here, ${'word '.repeat(20)}there.\n`
    expect(firstSentence('x/a.ts', text)).to.match(/ here$/)
  })
})
