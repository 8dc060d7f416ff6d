import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { expect } from 'chai'
import type { RequestListener } from 'node:http'
import { currentRequest, runInRequest } from '../../../src/oidc/library/current-request.ts'
import { createResume } from '../../../src/oidc/library/resume-in-place.ts'
import type { RequestContext } from '../../../src/oidc/request-context.ts'
import type { AuditEvent } from '../../../src/store/audit/audit-event.ts'

const issuer = 'https://login.example.com/base'
const redirectUri = 'https://app.example.com/callback'

/** Resumes from within the request of a form. */
async function resume(library: RequestListener) {
  const audited: AuditEvent[] = []
  const request = Object.assign(new IncomingMessage(new Socket()), {
    method: 'POST',
    headers: {
      host: 'login.example.com',
      cookie: 'session=s',
      'content-length': '12',
      'content-type': 'application/x-www-form-urlencoded',
    },
  })
  const peer = { address: '203.0.113.9', userAgent: 'test' }
  const outer: RequestContext = {
    request,
    response: new ServerResponse(request),
    correlationId: 'c',
    peer,
    certificate: { kind: 'none' },
  }
  const ask = createResume({
    handle: library,
    issuer,
    cookie: 'resume',
    audit: { record: (event) => void audited.push(event) },
  })
  const handed: IncomingMessage[] = []
  const answer = await runInRequest(outer, () =>
    ask({ returnTo: `${issuer}/authorize/u`, uid: 'u', redirectUri, hand: (to) => void handed.push(to) }),
  )
  return { answer, audited, handed }
}

const refused: AuditEvent = { event: 'authorization.refused', outcome: 'failure' }

describe(createResume.name, () => {
  it('asks as the browser would, without the form', async () => {
    let seen: object = {}
    const { handed } = await resume((request, response) => {
      const { method, url, headers } = request
      seen = { method, url, headers, original: (request as { originalUrl?: string }).originalUrl }
      expect(currentRequest()).to.include({ request, response, correlationId: 'c' })
      response.end()
    })
    expect(seen).to.deep.equal({
      method: 'GET',
      url: '/authorize/u',
      original: '/base/authorize/u',
      headers: { host: 'login.example.com', cookie: 'session=s; resume=u' },
    })
    expect(handed).to.have.length(1)
  })

  it('passes on the redirect to the client, with its cookies and what it tells the audit log', async () => {
    const { answer, audited } = await resume((_, response) => {
      currentRequest().deferred?.push(refused)
      response.statusCode = 303
      response.setHeader('location', `${redirectUri}?error=access_denied`)
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.end('Redirecting')
    })
    expect(answer).to.deep.equal({ location: `${redirectUri}?error=access_denied`, cookies: ['a=1', 'b=2'] })
    expect(audited).to.deep.equal([refused])
  })

  for (const [what, status, location] of [
    ['a page', 400, undefined],
    ['a further question', 303, '/base/interaction/v'],
    ['a redirect elsewhere', 303, 'https://other.example.com/?code=c'],
  ] as const)
    it(`throws ${what} away, with what it tells the audit log`, async () => {
      const { answer, audited } = await resume((_, response) => {
        currentRequest().deferred?.push(refused)
        response.statusCode = status
        if (location !== undefined) response.setHeader('location', location)
        response.end()
      })
      expect([answer, audited]).to.deep.equal([undefined, []])
    })

  it('says that nobody answered when PostgreSQL gave no answer: the sign-in may have been stored', async () => {
    const { answer, audited } = await resume((_, response) => {
      currentRequest().deferred?.push(refused)
      response.statusCode = 503
      response.end()
    })
    expect([answer, audited]).to.deep.equal(['unanswered', []])
  })
})
