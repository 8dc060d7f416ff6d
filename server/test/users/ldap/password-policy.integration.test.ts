// Passwords that the directory wants changed before anything else: a real OpenLDAP with its policy, and attributes of Active Directory.
import { quietLog as quiet } from '@nauthera/harness/kept-log'
import { suffix } from '@nauthera/local/programs/slapd'
import { expect } from 'chai'
import { createMemoryCache } from '../../../src/store/cache/memory-cache.ts'
import { createLdapUsers } from '../../../src/users/ldap/ldap-users.ts'
import type { LdapUsers } from '../../../src/users/ldap/ldap-users.ts'
import { patient, startTestDirectory, userBase, vouching } from './test-directory.ts'
import type { TestDirectory } from './test-directory.ts'

const password = 'correct horse battery staple'
const long = 365 * 86_400

const policy = (name: string, rules: string) =>
  `dn: cn=${name},${suffix}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: ${name}\npwdAttribute: userPassword\n${rules}`
const person = (uid: string, more: string) =>
  `dn: uid=${uid},${userBase}\nobjectClass: inetOrgPerson\nobjectClass: extensibleObject\nuid: ${uid}\ncn: ${uid}\nsn: Example\nuserPassword: ${password}\n${more}`
const under = (name: string, more = '') => `pwdPolicySubentry: cn=${name},${suffix}${more}`
const old = '\npwdChangedTime: 20200101000000Z'
const ldif = [
  policy('resets', 'pwdMustChange: TRUE'),
  policy('grace', `pwdMaxAge: ${long}\npwdGraceAuthnLimit: 100`),
  policy('expires', `pwdMaxAge: ${long}`),
  person('usual', under('resets')),
  person('reset', under('resets', '\npwdReset: TRUE')),
  // no policy says so, and the entry does
  person('marked', 'pwdReset: TRUE'),
  person('grace', under('grace', old)),
  person('expired', under('expires', old)),
  person('ad-zero', 'pwdLastSet: 0\nuserAccountControl: 512'),
  person('ad-set', 'pwdLastSet: 133000000000000000\nuserAccountControl: 512'),
  person('ad-never', 'pwdLastSet: 0\nuserAccountControl: 66048'),
].join('\n\n')

describe('a directory that wants another password', () => {
  let directory: TestDirectory
  let source: LdapUsers
  before(async () => {
    directory = await startTestDirectory({ ldif, passwordPolicy: true })
    const needs = {
      settings: directory.settings(),
      vouching,
      cache: createMemoryCache({ now: Date.now }),
      log: quiet,
      now: Date.now,
    }
    source = createLdapUsers({ ...needs, ...patient })
  })
  after(async () => {
    source?.stop()
    await directory?.stop()
  })

  const kindFor = async (login: string, given: string): Promise<string> => {
    const attempt = { login, password: given, known: undefined, mayTry: async () => true }
    return (await source.checkPassword(attempt)).kind
  }

  for (const [login, kind] of [
    ['usual', 'right'],
    ['reset', 'must-change'],
    ['marked', 'must-change'],
    ['grace', 'must-change'],
    ['expired', 'must-change'],
    ['ad-zero', 'must-change'],
    ['ad-set', 'right'],
    ['ad-never', 'right'],
  ] as const)
    it(`L11 the password of ${login} is ${kind}, and another one is wrong`, async () => {
      expect(await kindFor(login, password)).to.equal(kind)
      expect(await kindFor(login, 'another one')).to.equal('wrong')
    })
})
