"""From the definitions received to what the SDK and a container want to be told about them."""

from __future__ import annotations

from google.protobuf.message import Message
from modal_proto import api_pb2

from tests.modal_standin.hub import Hub
from tests.modal_standin.records import FunctionRecord, Layout

DEFAULT_SCALEDOWN_SECONDS = 60.0


def copy_shared(source: Message, target: Message) -> None:
    """Copy the fields that both messages have and the source has set."""
    known = target.DESCRIPTOR.fields_by_name
    for descriptor, value in source.ListFields():
        if descriptor.name not in known or descriptor.type != known[descriptor.name].type:
            continue
        held = getattr(target, descriptor.name)
        if hasattr(held, "MergeFrom"):
            target.ClearField(descriptor.name)
            getattr(target, descriptor.name).MergeFrom(value)
        else:
            setattr(target, descriptor.name, value)


def effective(record: FunctionRecord) -> api_pb2.Function:
    """The definition that a container of this function runs, with the options that were bound to it."""
    function = api_pb2.Function()
    function.CopyFrom(record.definition.function)
    chain = []
    bound: FunctionRecord | None = record
    while bound is not None:
        chain.append(bound.options)
        bound = bound.base
    for options in reversed(chain):
        if options is not None:
            _apply(options, function)
    if record.scaling is not None:
        function.autoscaler_settings.MergeFrom(record.scaling)
    return function


def _apply(options: api_pb2.FunctionOptions, function: api_pb2.Function) -> None:
    copy_shared(options, function)
    scaling = function.autoscaler_settings
    if options.HasField("concurrency_limit"):
        scaling.max_containers = options.concurrency_limit
    if options.HasField("warm_pool_size"):
        scaling.min_containers = options.warm_pool_size
    if options.HasField("buffer_containers"):
        scaling.buffer_containers = options.buffer_containers
    if options.HasField("task_idle_timeout_secs"):
        scaling.scaledown_window = options.task_idle_timeout_secs


def function_data(record: FunctionRecord) -> api_pb2.FunctionData:
    """What the SDK shows as a function's own information."""
    data = api_pb2.FunctionData()
    shown = effective(record)
    copy_shared(shown, data)
    for rank, choice in enumerate(record.definition.choices):
        ranked = data.ranked_functions.add(rank=rank)
        ranked.function.CopyFrom(shown)
        if record.options is None:
            ranked.function.resources.CopyFrom(choice.resources)
    return data


def handle_metadata(record: FunctionRecord, source: Message, definition_id: str = "") -> api_pb2.FunctionHandleMetadata:
    """What a handle of the SDK holds. source: a definition, or the request that announces one."""
    handle = api_pb2.FunctionHandleMetadata()
    copy_shared(source, handle)
    handle.app_id = record.app.app_id
    handle.definition_id = definition_id
    urls = record.root.urls
    handle.web_url = urls.get("", "")
    handle._experimental_flash_urls.extend([urls["server"]] if "server" in urls else [])
    for name, method in getattr(source, "method_definitions", {}).items():
        one = handle.method_handle_metadata[name]
        copy_shared(method, one)
        one.is_method = True
        one.use_method_name = name
        one.app_id = record.app.app_id
        one.web_url = urls.get(name, "")
    return handle


def live_handle(record: FunctionRecord) -> api_pb2.FunctionHandleMetadata:
    definition = record.definition
    return handle_metadata(record, effective(record), definition.definition_id)


def app_layout(hub: Hub, layout: Layout) -> api_pb2.AppLayout:
    """A version as the SDK and a container want it: identifiers by tag, and the handle of each."""
    answer = api_pb2.AppLayout(function_ids=layout.functions, class_ids=layout.classes)
    dependencies: set[str] = set()
    for function_id in layout.functions.values():
        record, definition = hub.functions[function_id], layout.definitions[function_id]
        handle = handle_metadata(record, definition.function, definition.definition_id)
        answer.objects.add(object_id=function_id, function_handle_metadata=handle)
        dependencies.update(one.object_id for one in definition.function.object_dependencies)
    for class_id in layout.classes.values():
        answer.objects.add(object_id=class_id, class_handle_metadata=api_pb2.ClassHandleMetadata())
    for object_id in sorted(dependencies - set(layout.functions.values()) - set(layout.classes.values())):
        answer.objects.append(_dependency(hub, object_id))
    return answer


def _dependency(hub: Hub, object_id: str) -> api_pb2.Object:
    answer = api_pb2.Object(object_id=object_id)
    if object_id in hub.mounts:
        answer.mount_handle_metadata.SetInParent()
    if object_id in hub.volumes:
        answer.volume_metadata.name = hub.volumes[object_id].name
    return answer


def is_template(function: api_pb2.Function) -> bool:
    """A class that takes parameters: what runs is what is bound from it, never itself."""
    return bool(function.class_parameter_info.schema)


def inputs_per_container(function: api_pb2.Function) -> tuple[int, int]:
    """How many inputs at once a container is meant to have, and how many it may have."""
    most = function.max_concurrent_inputs or 1
    return function.target_concurrent_inputs or most, most


def sessions_per_container(function: api_pb2.Function) -> int:
    """How many sessions a server's container is meant to have; requests without one are not counted."""
    if not function.is_sessioned:
        return 1_000_000
    return max(1, int(function.autoscaler_settings.target_concurrency_float))


def scaledown_seconds(function: api_pb2.Function) -> float:
    return function.autoscaler_settings.scaledown_window or function.task_idle_timeout_secs or DEFAULT_SCALEDOWN_SECONDS
