import { expect } from 'chai'
import { holds, isTransition, toCel } from '../../src/api/cel.ts'

describe('holds', () => {
  for (const [sentence, rule, self, expected] of [
    ['a text that matches', "self.matches('^a+$')", 'aaa', true],
    ['a text that does not', "self.matches('^a+$')", 'ab', false],
    ['a field that is there', 'has(self.a)', { a: false }, true],
    ['a field that is null is not there', 'has(self.a)', { a: null }, false],
    ['a field that is undefined is not there', 'has(self.a)', { a: undefined }, false],
    ['a field named constructor is not there unless it was written', 'has(self.constructor)', {}, false],
    [
      'constructor and toString as keys of a map',
      'self.all(k, self[k] == "x")',
      { constructor: 'x', toString: 'x' },
      true,
    ],
    ['whole numbers are int', 'self.n == 7 && self.n < 8', { n: 7 }, true],
    ['durations', "duration(self) <= duration('24h')", '1h30m', true],
    ['durations as numbers, not as texts', "duration(self) > duration('9h')", '24h', true],
    ['parts of an address', "self.split('/', 4)[2] == 'a.example.com'", 'https://a.example.com/b/c', true],
    ['a list of booleans', '[has(self.a), has(self.b)].filter(x, x).size() == 1', { a: '' }, true],
    ['a rule that cannot be evaluated does not hold', 'duration(self) > duration("1s")', 'soon', false],
    ['a rule whose result is no boolean does not hold', 'self', 'true', false],
  ] as const) {
    it(sentence, () => expect(holds(rule, toCel(self))).to.equal(expected))
  }

  it('throws for a rule that is not CEL: that is a mistake in this program, not in a client', () => {
    expect(() => holds('self ===', {})).to.throw()
  })
})

describe('isTransition', () => {
  it('is true of rules about the value before a change', () => {
    expect(isTransition('self.a == oldSelf.a')).to.equal(true)
    expect(isTransition("self.a == 'oldSelfish'")).to.equal(false)
  })
})
