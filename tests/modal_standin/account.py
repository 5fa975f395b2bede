"""The account side: whose the token is, and taking away what the command line deletes by name."""

from __future__ import annotations

import shutil

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from tests.modal_standin.hub import Hub
from tests.modal_standin.records import Container

WORKSPACE = "standin"
"""Its name, with which the addresses of web functions begin at the real one."""


class AccountSide:
    def __init__(self, hub: Hub, token_id: str) -> None:
        self._hub, self._token_id = hub, token_id

    async def workspace_name_lookup(self, _: Empty, __: Container | None) -> api_pb2.WorkspaceNameLookupResponse:
        return api_pb2.WorkspaceNameLookupResponse(workspace_name=WORKSPACE, username=WORKSPACE)

    async def token_info_get(
        self, _: api_pb2.TokenInfoGetRequest, __: Container | None
    ) -> api_pb2.TokenInfoGetResponse:
        return api_pb2.TokenInfoGetResponse(token_id=self._token_id, workspace_id="ac-000001", workspace_name=WORKSPACE)

    async def secret_list(self, _: api_pb2.SecretListRequest, __: Container | None) -> api_pb2.SecretListResponse:
        answer = api_pb2.SecretListResponse(environment_name="main")
        for secret_id, held in self._hub.secrets.items():
            if held.name:
                item = answer.items.add(label=held.name, secret_id=secret_id)
                item.metadata.name = held.name
        return answer

    async def secret_delete(self, request: api_pb2.SecretDeleteRequest, _: Container | None) -> Empty:
        del self._hub.secrets[request.secret_id]
        return self._forget(request.secret_id)

    async def volume_delete(self, request: api_pb2.VolumeDeleteRequest, _: Container | None) -> Empty:
        shutil.rmtree(self._hub.volumes.pop(request.volume_id).folder)
        return self._forget(request.volume_id)

    async def dict_delete(self, request: api_pb2.DictDeleteRequest, _: Container | None) -> Empty:
        del self._hub.dicts[request.dict_id]
        return self._forget(request.dict_id)

    def _forget(self, object_id: str) -> Empty:
        """The name is free again."""
        for key in [key for key, known in self._hub.names.items() if known == object_id]:
            del self._hub.names[key]
        return Empty()
