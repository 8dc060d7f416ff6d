import { expect } from 'chai'
import { soleHeader } from '../../../src/http/request/handler.ts'

describe(soleHeader.name, () => {
  const rawHeaders = ['Host', 'a.example', 'Accept', '*/*', 'accept', 'text/html', 'X-Host', 'b.example']
  it('finds a header however its name is written', () =>
    expect(soleHeader({ rawHeaders }, 'host')).to.equal('a.example'))
  it('finds nothing of two', () => expect(soleHeader({ rawHeaders }, 'accept')).to.equal(undefined))
  it('finds nothing where there is none', () => expect(soleHeader({ rawHeaders }, 'etag')).to.equal(undefined))
})
