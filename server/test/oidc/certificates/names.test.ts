import { expect } from 'chai'
import { createCertificate } from '@nauthera/harness/certificates'
import type { Wanted } from '@nauthera/harness/certificates'
import type { CertificateName } from '@nauthera/rules/certificates'
import { hasName } from '../../../src/oidc/certificates/names.ts'
import { tryFacts } from '../../../src/oidc/certificates/chain.ts'

const has = async (wanted: Wanted, kind: CertificateName['kind'], value: string): Promise<boolean> =>
  hasName(tryFacts((await createCertificate(wanted)).certificate)!, { kind, value })

const example = [{ C: ['DE'] }, { O: ['Example, Inc.'] }, { CN: ['worker'] }]
const spiffe = 'spiffe://example.org/ns/demo/sa/worker'

const cases: readonly [sentence: string, Wanted, CertificateName['kind'], string, boolean][] = [
  ['the whole subject', { subject: example }, 'subjectDN', 'CN=worker,O=Example\\, Inc.,C=DE', true],
  ['other spaces and escapes', { subject: example }, 'subjectDN', 'cn = worker, o=Example\\2c Inc., C=DE', true],
  ['an OID as type', { subject: example }, 'subjectDN', '2.5.4.3=worker,O=Example\\, Inc.,2.5.4.6=DE', true],
  ['the other order', { subject: example }, 'subjectDN', 'C=DE,O=Example\\, Inc.,CN=worker', false],
  ['a part of the subject', { subject: example }, 'subjectDN', 'CN=worker', false],
  ['other letters', { subject: example }, 'subjectDN', 'CN=Worker,O=Example\\, Inc.,C=DE', false],
  [
    'a comma that makes two names of one',
    { subject: [{ CN: ['worker,O=Example'] }] },
    'subjectDN',
    'CN=worker,O=Example',
    false,
  ],
  ['letters of other languages', { subject: [{ CN: ['Müller'] }] }, 'subjectDN', 'CN=M\\C3\\BCller', true],
  ['two values of one name', { subject: [{ OU: ['b'], CN: ['a'] }] }, 'subjectDN', 'OU=b+CN=a', true],
  ['two values in the other order', { subject: [{ OU: ['b'], CN: ['a'] }] }, 'subjectDN', 'CN=a+OU=b', true],
  ['one of two values', { subject: [{ OU: ['b'], CN: ['a'] }] }, 'subjectDN', 'CN=a', false],
  ['an address of mail', { subject: [{ E: ['a@b.c'] }] }, 'subjectDN', 'emailAddress=a@b.c', true],
  ['an empty subject', { subject: [] }, 'subjectDN', 'CN=worker', false],
  ['a host', { dnsNames: ['x.test', 'a.example.com'] }, 'sanDNS', 'A.example.com', true],
  ['a host below', { dnsNames: ['b.a.example.com'] }, 'sanDNS', 'a.example.com', false],
  ['a wildcard', { dnsNames: ['*.example.com'] }, 'sanDNS', 'a.example.com', false],
  ['a host in the subject alone', { name: 'a.example.com' }, 'sanDNS', 'a.example.com', false],
  ['a host as URI', { uris: ['a.example.com'] }, 'sanDNS', 'a.example.com', false],
  ['a SPIFFE id', { uris: [spiffe] }, 'sanURI', spiffe, true],
  ['a longer SPIFFE id', { uris: [`${spiffe}/x`] }, 'sanURI', spiffe, false],
  ['two SPIFFE ids', { uris: ['spiffe://example.org/other', spiffe] }, 'sanURI', spiffe, false],
  ['two other URIs', { uris: ['urn:other', 'urn:a'] }, 'sanURI', 'urn:a', true],
  ['other letters in a URI', { uris: ['urn:A'] }, 'sanURI', 'urn:a', false],
]

describe('hasName', () => {
  for (const [sentence, wanted, kind, value, expected] of cases) {
    it(`${kind}: ${sentence}: ${expected ? 'the same' : 'another'}`, async () =>
      expect(await has(wanted, kind, value)).to.equal(expected))
  }
})
