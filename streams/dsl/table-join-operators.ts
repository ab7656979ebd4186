import type { JoinKind } from '../processors/joins.ts'
import { checkName } from '../topology/names.ts'
import { handleOf, neededSerde, newTable, type TableHandle } from './handles.ts'
import type { Erased, ForeignKeyJoinNames } from './plan.ts'
import type { Recorder } from './recorder.ts'
import { recordStore } from './store-plans.ts'

/** Java: KTableImpl.doJoin. The result is stored only where the user says so. */
export function joinTables(
  left: TableHandle,
  otherHandle: object,
  kind: JoinKind,
  joiner: Erased,
  options: Erased = {},
) {
  const { recorder } = left
  const operator = kind === 'inner' ? 'join()' : `${kind}Join()`
  const right = handleOf(otherHandle, 'table', operator, recorder)
  const keySerde = options.key ?? left.keySerde ?? right.keySerde
  const store =
    options.store === undefined
      ? undefined
      : recordStore(recorder, 'KTABLE-MERGE-', {
          store: options.store,
          key: neededSerde(keySerde, 'key', operator, left.name),
          value: neededSerde(options.value, 'value', operator, left.name),
        })
  const name = recorder.nodeName(options.name, 'KTABLE-MERGE-')
  recorder.copartition(left.sources, right.sources)
  const leftJoinName = recorder.suffixedName(options.name, '-join-this', 'KTABLE-JOINTHIS-')
  const rightJoinName = recorder.suffixedName(options.name, '-join-other', 'KTABLE-JOINOTHER-')
  const node = recorder.add(name, [left.node, right.node], {
    kind: 'table-table-join',
    joinKind: kind,
    joiner,
    left: left.node,
    right: right.node,
    leftJoinName,
    rightJoinName,
    store,
  })
  return newTable({
    ...left,
    node,
    name,
    keySerde,
    valueSerde: options.value,
    sources: [...new Set([...left.sources, ...right.sources])],
    queryableStoreName: store?.name,
  })
}

type ForeignJoinInput = { readonly foreignKey: Erased; readonly joiner: Erased; readonly options: Erased }

/** Java: KTableImpl.doJoinOnForeignKey (KIP-213). */
export function joinForeignTable(
  left: TableHandle,
  otherHandle: object,
  kind: 'inner' | 'left',
  { foreignKey, joiner, options = {} }: ForeignJoinInput,
) {
  const { recorder } = left
  const operator = `foreign-key ${kind === 'inner' ? 'join()' : 'leftJoin()'}`
  const right = handleOf(otherHandle, 'table', operator, recorder)
  const keySerde = neededSerde(options.key ?? left.keySerde, 'key', operator, left.name)
  const given = options.name === undefined ? undefined : checkName('Operator', options.name)
  const names = foreignKeyJoinNames(recorder, given, left, right)
  const name = recorder.suffixedName(given, '-result', 'KTABLE-FK-JOIN-OUTPUT-')
  const valueSerde = neededSerde(options.value, 'value', operator, left.name)
  const store = recordStore(recorder, 'KTABLE-FK-JOIN-OUTPUT-', {
    store: options.store,
    key: keySerde,
    value: valueSerde,
  })
  const node = recorder.add(name, [left.node, right.node], {
    kind: 'foreign-key-join',
    joinKind: kind,
    joiner,
    foreignKey,
    left: left.node,
    right: right.node,
    keySerde,
    valueSerde: neededSerde(options.left ?? left.valueSerde, 'left', operator, left.name),
    foreignKeySerde: neededSerde(options.foreignKeySerde ?? right.keySerde, 'key', operator, right.name),
    foreignValueSerde: neededSerde(options.right ?? right.valueSerde, 'right', operator, right.name),
    names,
    partitioner: options.partitioner,
    foreignPartitioner: options.foreignPartitioner,
    store,
  })
  return newTable({
    kind: 'table',
    recorder,
    node,
    name,
    keySerde,
    valueSerde,
    sources: [...new Set([...left.sources, names.responseSource])],
    queryableStoreName: store.name,
  })
}

/** In the order in which Java counts. */
function foreignKeyJoinNames(
  recorder: Recorder,
  given: string | undefined,
  left: TableHandle,
  right: TableHandle,
): ForeignKeyJoinNames {
  const next = (suffix: string, prefix: string): string => recorder.suffixedName(given, suffix, prefix)
  const registration = 'KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-'
  const processor = 'KTABLE-FK-JOIN-SUBSCRIPTION-PROCESSOR-'
  const subscriptionTopic = `${next('-subscription-registration', registration)}-topic`
  const send = next('-subscription-registration-processor', registration)
  const subscriptionSink = next('-subscription-registration-sink', 'KTABLE-SINK-')
  const subscriptionSource = next('-subscription-registration-source', 'KTABLE-SOURCE-')
  recorder.copartition(right.sources, [subscriptionSource])
  const subscriptionStore = next('-subscription-store', 'KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-')
  const receive = next('-subscription-receive', processor)
  const join = next('-subscription-join-foreign', processor)
  const foreignTableJoin = next('-foreign-join-subscription', processor)
  const responseTopic = `${next('-subscription-response', 'KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-')}-topic`
  const responseSink = next('-subscription-response-sink', 'KTABLE-SINK-')
  const responseSource = next('-subscription-response-source', 'KTABLE-SOURCE-')
  recorder.copartition(left.sources, [responseSource])
  const resolver = next('-subscription-response-resolver', 'KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-')
  return {
    subscriptionTopic,
    send,
    subscriptionSink,
    subscriptionSource,
    subscriptionStore,
    receive,
    join,
    foreignTableJoin,
    responseTopic,
    responseSink,
    responseSource,
    resolver,
  }
}
