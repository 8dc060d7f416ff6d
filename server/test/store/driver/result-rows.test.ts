import { expect } from 'chai'
import { columnsOf, rowOf } from '../../../src/store/driver/result-rows.ts'

describe(rowOf.name, () => {
  it('reads each text by the type of its column, and leaves null', () => {
    const fields = [
      { name: 'n', dataTypeID: 23 },
      { name: 'text', dataTypeID: 25 },
      { name: 'none', dataTypeID: 23 },
    ]
    const columns = columnsOf(fields, (type) => (type === 23 ? Number : (text) => `<${text}>`))
    expect(rowOf(columns, ['7', 'a', null])).to.deep.equal({ n: 7, text: '<a>', none: null })
  })
})
