"""The deploy side: apps and their versions, functions, classes, images, and what a handle is looked up by."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.modal_standin import definitions
from tests.modal_standin.hub import Hub
from tests.modal_standin.records import App, Container, Definition, FunctionRecord, Layout
from tests.modal_standin.scheduler import Scheduler
from tests.modal_standin.web import Web

IMAGE_BUILDER = "2025.06"
TOKEN_SECONDS = 3600


def made_up_token() -> str:
    """A token of the right shape, unsigned; the SDK reads only when it ends."""
    claims = {"exp": time.time() + TOKEN_SECONDS, "iat": time.time()}
    parts = (json.dumps(one).encode() for one in ({"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


class DeploySide:
    def __init__(self, hub: Hub, scheduler: Scheduler, web: Web) -> None:
        self._hub, self._scheduler, self._web = hub, scheduler, web

    async def client_hello(self, _: Empty, __: Container | None) -> api_pb2.ClientHelloResponse:
        return api_pb2.ClientHelloResponse(image_builder_version=IMAGE_BUILDER)

    async def auth_token_get(
        self, _: api_pb2.AuthTokenGetRequest, __: Container | None
    ) -> api_pb2.AuthTokenGetResponse:
        return api_pb2.AuthTokenGetResponse(token=made_up_token())

    async def function_get_flash_auth_token(
        self, _: api_pb2.FunctionGetFlashAuthTokenRequest, __: Container | None
    ) -> api_pb2.FunctionGetFlashAuthTokenResponse:
        return api_pb2.FunctionGetFlashAuthTokenResponse(token=made_up_token())

    async def environment_get_or_create(
        self, request: api_pb2.EnvironmentGetOrCreateRequest, _: Container | None
    ) -> api_pb2.EnvironmentGetOrCreateResponse:
        settings = api_pb2.EnvironmentSettings(image_builder_version=IMAGE_BUILDER)
        metadata = api_pb2.EnvironmentMetadata(name=request.deployment_name or "main", settings=settings)
        return api_pb2.EnvironmentGetOrCreateResponse(environment_id="en-000001", metadata=metadata)

    # Images are taken for built: a container runs in the stand-in's own interpreter.

    async def image_get_or_create(
        self, request: api_pb2.ImageGetOrCreateRequest, _: Container | None
    ) -> api_pb2.ImageGetOrCreateResponse:
        key = ("image", request.image.SerializeToString(deterministic=True).hex())
        image_id = self._hub.names.setdefault(key, "") or self._hub.new_id("im")
        self._hub.names[key] = image_id
        self._hub.images[image_id] = request.image
        return api_pb2.ImageGetOrCreateResponse(image_id=image_id, result=_built(), metadata=_image_metadata())

    async def image_join_streaming(
        self, _: api_pb2.ImageJoinStreamingRequest, __: Container | None
    ) -> AsyncIterator[api_pb2.ImageJoinStreamingResponse]:
        yield api_pb2.ImageJoinStreamingResponse(result=_built(), metadata=_image_metadata(), eof=True)

    async def app_create(self, request: api_pb2.AppCreateRequest, _: Container | None) -> api_pb2.AppCreateResponse:
        app = App(self._hub.new_id("ap"), request.description, tags=dict(request.tags))
        self._hub.apps[app.app_id] = app
        return api_pb2.AppCreateResponse(app_id=app.app_id, app_page_url=_page(app), app_logs_url=_page(app))

    async def app_get_by_deployment_name(
        self, request: api_pb2.AppGetByDeploymentNameRequest, _: Container | None
    ) -> api_pb2.AppGetByDeploymentNameResponse:
        app = self._hub.app_named(request.name)
        return api_pb2.AppGetByDeploymentNameResponse(
            app_id=app.app_id if app else "", environment_name="main", lifecycle=_lifecycle(app) if app else None
        )

    async def app_get_or_create(
        self, request: api_pb2.AppGetOrCreateRequest, _: Container | None
    ) -> api_pb2.AppGetOrCreateResponse:
        """Only what is deployed is found; nothing is made."""
        app = self._hub.require_app(request.app_name)
        return api_pb2.AppGetOrCreateResponse(app_id=app.app_id, handle_metadata=_handle(app))

    async def app_get_layout(
        self, request: api_pb2.AppGetLayoutRequest, _: Container | None
    ) -> api_pb2.AppGetLayoutResponse:
        layout = definitions.app_layout(self._hub, self._app(request.app_id).layout)
        return api_pb2.AppGetLayoutResponse(app_layout=layout)

    async def app_heartbeat(self, _: api_pb2.AppHeartbeatRequest, __: Container | None) -> Empty:
        return Empty()

    async def app_publish(self, request: api_pb2.AppPublishRequest, _: Container | None) -> api_pb2.AppPublishResponse:
        """Make what was created since the last time the app's new version."""
        app = self._app(request.app_id)
        layout = Layout(dict(request.function_ids), dict(request.class_ids))
        for function_id in layout.functions.values():
            record = self._hub.functions[function_id]
            wanted = request.definition_ids.get(function_id)
            known = {one.definition_id: one for one in record.definitions}
            layout.definitions[function_id] = known.get(wanted or "", record.definitions[-1])
        app.name = request.name or app.name
        app.tags = dict(request.tags)
        app.deployed = request.app_state == api_pb2.APP_STATE_DEPLOYED
        self._go_live(app, layout, api_pb2.AppDeploymentHistory(tag=request.deployment_tag))
        return api_pb2.AppPublishResponse(url=_page(app), deployed_at=app.deployed_at)

    async def app_rollback(
        self, request: api_pb2.AppRollbackRequest, _: Container | None
    ) -> api_pb2.AppRollbackResponse:
        """An older version once more, as a new one. version: negative ones count back from the present one."""
        app = self._app(request.app_id)
        version = request.version if request.version > 0 else app.version + request.version
        if version not in app.versions:
            raise GRPCError(Status.NOT_FOUND, f"App version {request.version} not found")
        self._go_live(app, app.versions[version], api_pb2.AppDeploymentHistory(rollback_version=version))
        return api_pb2.AppRollbackResponse()

    def _go_live(self, app: App, layout: Layout, entry: api_pb2.AppDeploymentHistory) -> None:
        app.version += 1
        app.versions[app.version] = app.layout = layout
        app.deployed_at = time.time()
        entry.app_id, entry.version, entry.deployed_at = app.app_id, app.version, app.deployed_at
        app.history.append(entry)
        for function_id, definition in layout.definitions.items():
            record = self._hub.functions[function_id]
            record.live, record.scaling, record.failed_starts = definition, None, 0
        self._scheduler.app_changed(app)

    async def app_client_disconnect(self, request: api_pb2.AppClientDisconnectRequest, _: Container | None) -> Empty:
        app = self._app(request.app_id)
        if not app.deployed:
            self._scheduler.stop_app(app)
        return Empty()

    async def app_stop(self, request: api_pb2.AppStopRequest, _: Container | None) -> Empty:
        self._scheduler.stop_app(self._app(request.app_id))
        return Empty()

    async def app_get_lifecycle(
        self, request: api_pb2.AppGetLifecycleRequest, _: Container | None
    ) -> api_pb2.AppGetLifecycleResponse:
        return api_pb2.AppGetLifecycleResponse(lifecycle=_lifecycle(self._app(request.app_id)))

    async def app_list(self, _: api_pb2.AppListRequest, __: Container | None) -> api_pb2.AppListResponse:
        answer = api_pb2.AppListResponse()
        for app in self._hub.apps.values():
            tasks = sum(one.function.app is app and one.alive for one in self._hub.containers.values())
            state = _lifecycle(app).app_state
            answer.apps.add(app_id=app.app_id, description=app.name, name=app.name, state=state, n_running_tasks=tasks)
        return answer

    async def app_deployment_history(
        self, request: api_pb2.AppDeploymentHistoryRequest, _: Container | None
    ) -> api_pb2.AppDeploymentHistoryResponse:
        app = self._app(request.app_id)
        return api_pb2.AppDeploymentHistoryResponse(app_deployment_histories=reversed(app.history))

    async def app_set_tags(self, request: api_pb2.AppSetTagsRequest, _: Container | None) -> Empty:
        self._app(request.app_id).tags = dict(request.tags)
        return Empty()

    async def app_get_tags(self, request: api_pb2.AppGetTagsRequest, _: Container | None) -> api_pb2.AppGetTagsResponse:
        return api_pb2.AppGetTagsResponse(tags=self._app(request.app_id).tags)

    async def app_get_info(self, request: api_pb2.AppGetInfoRequest, _: Container | None) -> api_pb2.AppGetInfoResponse:
        return api_pb2.AppGetInfoResponse(info=_handle(self._app(request.app_id)))

    async def function_precreate(
        self, request: api_pb2.FunctionPrecreateRequest, _: Container | None
    ) -> api_pb2.FunctionPrecreateResponse:
        record = self._record(request.app_id, request.existing_function_id, request.function_name)
        await self._web.publish(record, request.webhook_config, request.method_definitions)
        handle = definitions.handle_metadata(record, request)
        return api_pb2.FunctionPrecreateResponse(function_id=record.function_id, handle_metadata=handle)

    async def function_create(
        self, request: api_pb2.FunctionCreateRequest, _: Container | None
    ) -> api_pb2.FunctionCreateResponse:
        definition = Definition(self._hub.new_id("de"), request)
        function = definition.function
        record = self._record(request.app_id, request.existing_function_id, function.function_name)
        record.definitions.append(definition)
        await self._web.publish(record, function.webhook_config, function.method_definitions)
        if function.is_server:
            await self._web.publish_server(record)
        handle = definitions.handle_metadata(record, function, definition.definition_id)
        data = api_pb2.FunctionData(web_url=handle.web_url)
        definitions.copy_shared(function, data)
        for rank, choice in enumerate(definition.choices):
            data.ranked_functions.add(rank=rank, function=choice)
        return api_pb2.FunctionCreateResponse(
            function_id=record.function_id, function=function, function_data=data, handle_metadata=handle
        )

    async def class_create(
        self, request: api_pb2.ClassCreateRequest, _: Container | None
    ) -> api_pb2.ClassCreateResponse:
        class_id = request.existing_class_id or self._hub.new_id("cs")
        return api_pb2.ClassCreateResponse(class_id=class_id, handle_metadata=api_pb2.ClassHandleMetadata())

    async def class_get(self, request: api_pb2.ClassGetRequest, _: Container | None) -> api_pb2.ClassGetResponse:
        app = self._hub.require_app(request.app_name)
        if request.object_tag not in app.layout.classes:
            raise GRPCError(Status.NOT_FOUND, f"Class '{request.object_tag}' not found")
        class_id = app.layout.classes[request.object_tag]
        return api_pb2.ClassGetResponse(class_id=class_id, handle_metadata=api_pb2.ClassHandleMetadata())

    async def function_get(
        self, request: api_pb2.FunctionGetRequest, _: Container | None
    ) -> api_pb2.FunctionGetResponse:
        app = self._hub.require_app(request.app_name)
        if request.app_version and request.app_version not in app.versions:
            raise GRPCError(Status.NOT_FOUND, f"App version {request.app_version} not found")
        layout = app.versions[request.app_version] if request.app_version else app.layout
        if request.object_tag not in layout.functions:
            raise GRPCError(Status.NOT_FOUND, f"Function '{request.object_tag}' not found")
        record = self._hub.functions[layout.functions[request.object_tag]]
        if request.app_version:
            record = self._bound(record, b"", None, request.app_version)
        return api_pb2.FunctionGetResponse(
            function_id=record.function_id,
            handle_metadata=definitions.live_handle(record),
            function=definitions.function_data(record),
        )

    async def function_get_by_id(
        self, request: api_pb2.FunctionGetByIdRequest, _: Container | None
    ) -> api_pb2.FunctionGetByIdResponse:
        record = self._hub.function(request.function_id)
        return api_pb2.FunctionGetByIdResponse(
            function=definitions.function_data(record), handle_metadata=definitions.live_handle(record)
        )

    async def function_bind_params(
        self, request: api_pb2.FunctionBindParamsRequest, _: Container | None
    ) -> api_pb2.FunctionBindParamsResponse:
        options = request.function_options if request.HasField("function_options") else None
        base = self._hub.function(request.function_id)
        record = self._bound(base, request.serialized_params, options, base.version)
        return api_pb2.FunctionBindParamsResponse(
            bound_function_id=record.function_id, handle_metadata=definitions.live_handle(record)
        )

    def _bound(
        self, base: FunctionRecord, parameters: bytes, options: api_pb2.FunctionOptions | None, version: int
    ) -> FunctionRecord:
        """The same parameters, options and version always name the same function, and so the same containers."""
        chosen = options.SerializeToString(deterministic=True).hex() if options is not None else ""
        key = ("bound", f"{base.function_id} {parameters.hex()} {chosen} {version}")
        if key not in self._hub.names:
            record = FunctionRecord(self._hub.new_id("fu"), base.app, base.tag)
            record.base, record.parameters, record.options, record.version = base, parameters, options, version
            self._hub.functions[record.function_id] = record
            self._hub.names[key] = record.function_id
        return self._hub.functions[self._hub.names[key]]

    def _record(self, app_id: str, function_id: str, tag: str) -> FunctionRecord:
        if function_id in self._hub.functions:
            return self._hub.functions[function_id]
        record = FunctionRecord(self._hub.new_id("fu"), self._app(app_id), tag)
        self._hub.functions[record.function_id] = record
        return record

    def _app(self, app_id: str) -> App:
        if app_id not in self._hub.apps:
            raise GRPCError(Status.NOT_FOUND, f"App {app_id} not found")
        return self._hub.apps[app_id]


def _built() -> api_pb2.GenericResult:
    return api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)


def _image_metadata() -> api_pb2.ImageMetadata:
    return api_pb2.ImageMetadata(image_builder_version=IMAGE_BUILDER)


def _handle(app: App) -> api_pb2.AppHandleMetadata:
    handle = api_pb2.AppHandleMetadata(description=app.name, app_id=app.app_id, lifecycle=_lifecycle(app))
    for tag, function_id in app.layout.functions.items():
        server = app.layout.definitions[function_id].function.is_server
        (handle.servers if server else handle.functions)[tag] = function_id
    return handle


def _page(app: App) -> str:
    return f"http://127.0.0.1/apps/{app.app_id}"


def _lifecycle(app: App) -> api_pb2.AppLifecycle:
    running = api_pb2.APP_STATE_DEPLOYED if app.deployed else api_pb2.APP_STATE_EPHEMERAL
    state = api_pb2.APP_STATE_STOPPED if app.stopped else running
    return api_pb2.AppLifecycle(app_state=state, deployed_at=app.deployed_at, version=app.version)
