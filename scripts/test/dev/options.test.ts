import { expect } from 'chai'
import { parseDevOptions } from '../../dev/options.ts'

describe(parseDevOptions.name, () => {
  const refused: readonly (readonly [args: readonly string[], says: string])[] = [
    [['--replicas', '0'], '--replicas 0: must be a number from 1 to 9'],
    [['--issuer', 'https://a.example/?x'], '--issuer https://a.example/?x: must have no query and no fragment'],
    [['--issuer', 'http://evil.example'], '--issuer http://evil.example: must be an https URL'],
    [['--issuer', 'https://a.example/x/../y'], 'must be written as https://a.example/y'],
    [['--with', 'redis'], '--with redis: can be all, or some of desk,registration,branding,ldap,upstream,mail'],
    [['--with', 'ldap,redis'], '--with ldap,redis: can be all, or some of'],
    [['--rotate', 'a/b/c'], '--rotate a/b/c: must be NAME or NAMESPACE/NAME'],
    [['--rotate', 'a/'], '--rotate a/: must be NAME or NAMESPACE/NAME'],
    [['--rotate', ''], '--rotate : must be NAME or NAMESPACE/NAME'],
  ]
  for (const [args, says] of refused) {
    it(`refuses ${args.join(' ')}`, () => {
      expect(parseDevOptions(args, 'demo')).to.be.a('string').that.includes(says)
    })
  }

  it('takes a client with its namespace, or in the usual one', () => {
    expect(parseDevOptions(['--rotate', 'a/b'], 'demo')).to.deep.include({ rotate: { namespace: 'a', name: 'b' } })
    expect(parseDevOptions(['--rotate', 'b'], 'demo')).to.deep.include({ rotate: { namespace: 'demo', name: 'b' } })
  })
})
