import { expect } from 'chai'
import { issuerFaults } from '../src/issuer.ts'

describe(issuerFaults.name, () => {
  for (const issuer of [
    'https://login.example.com',
    'https://login.example.com:8443/base',
    'http://localhost:8080',
    'http://127.0.0.1:8080',
    'http://login.localhost',
  ])
    it(`takes ${issuer}`, () => expect(issuerFaults(issuer)).to.deep.equal([]))

  for (const [issuer, fault] of [
    ['login.example.com', 'must be an https URL, such as https://login.example.com'],
    ['http://login.example.com', 'must be an https URL (http is for a loopback host only)'],
    ['ftp://localhost', 'must be an https URL (http is for a loopback host only)'],
    ['https://login.example.com?a=b', 'must have no query and no fragment'],
    ['https://login.example.com#a', 'must have no query and no fragment'],
    ['https://ada@login.example.com', 'must not hold a user name or password'],
    ['https://:word@login.example.com', 'must not hold a user name or password'],
    ['https://login.example.com/', 'must not end with a slash'],
    ['https://LOGIN.example.com', 'must be written as https://login.example.com'],
    ['https://login.example.com:443/base', 'must be written as https://login.example.com/base'],
  ] as const)
    it(`refuses ${issuer}`, () => expect(issuerFaults(issuer)).to.include(fault))
})
