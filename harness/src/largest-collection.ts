/** Runs work, and counts the entries of every Map and Set that is made meanwhile.
 *  @param work makes the unit and feeds it
 *  @returns the most entries that any of them ever had */
export async function largestCollection(work: () => Promise<void> | void): Promise<number> {
  const { Map: PlainMap, Set: PlainSet } = globalThis
  let most = 0
  const count = (size: number) => {
    if (size > most) most = size
  }
  globalThis.Map = class<Key, Value> extends PlainMap<Key, Value> {
    override set(key: Key, value: Value): this {
      super.set(key, value)
      count(this.size)
      return this
    }
  } as MapConstructor
  globalThis.Set = class<Value> extends PlainSet<Value> {
    override add(value: Value): this {
      super.add(value)
      count(this.size)
      return this
    }
  } as SetConstructor
  try {
    await work()
    return most
  } finally {
    globalThis.Map = PlainMap
    globalThis.Set = PlainSet
  }
}
