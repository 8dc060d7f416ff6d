import { expect } from 'chai'
import type { RequestHandler } from 'express'
import { basePolicy, createHeaders, policyFor } from '../../../src/http/pages/headers.ts'
import { serve } from '../harness.ts'

const answer: RequestHandler = (_, response) => void response.json({})

describe('createHeaders', () => {
  it('L3 forbids frames, scripts of others and sniffing on every response', async () => {
    const running = await serve([createHeaders({ issuer: new URL('https://login.example.com') }), answer])
    const { headers } = await running.ask('/')
    await running.stop()
    expect(headers['content-security-policy']).to.equal(basePolicy)
    expect(basePolicy)
      .to.contain("frame-ancestors 'none'")
      .and.contain("default-src 'none'")
      .and.contain("base-uri 'none'")
    expect(headers).to.include({
      'referrer-policy': 'same-origin',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
    })
    // other hosts of the domain are not ours to bind
    expect(headers['strict-transport-security']).to.equal('max-age=31536000')
    expect(headers).not.to.have.property('x-powered-by')
  })

  it('sends no Strict-Transport-Security when the issuer has no HTTPS', async () => {
    const running = await serve([createHeaders({ issuer: new URL('http://localhost:8080') }), answer])
    const { headers } = await running.ask('/')
    await running.stop()
    expect(headers).not.to.have.property('strict-transport-security')
  })
})

describe('policyFor', () => {
  const rules: [string, string[], string][] = [
    ['names our origin alone without a target', [], "form-action 'self'"],
    [
      'adds the origin of a redirect URI, not its path',
      ['https://app.example.com/cb?x=1'],
      "form-action 'self' https://app.example.com",
    ],
    ['adds a loopback port', ['http://127.0.0.1:5555/cb'], "form-action 'self' http://127.0.0.1:5555"],
    ['adds the scheme of an application', ['com.example.app:/cb'], "form-action 'self' com.example.app:"],
    ['adds an origin once', ['https://a.test/1', 'https://a.test/2'], "form-action 'self' https://a.test"],
    ['adds no script', ['javascript:alert(1)'], "form-action 'self'"],
    ['adds nothing that is not a URL', ['https://', 'a b;script-src *'], "form-action 'self'"],
  ]
  for (const [sentence, targets, directive] of rules) {
    it(sentence, () => expect(policyFor(targets).split('; ')).to.include(directive))
  }

  it('adds no target that could end the directive', () => {
    const policy = policyFor(["https://a.test/;script-src 'unsafe-inline'", 'https://a.test;script-src *'])
    expect(policy.match(/script-src/g)).to.have.length(1)
    expect(policy).not.to.contain('unsafe-inline')
  })
})
