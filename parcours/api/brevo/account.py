"""The account: what a client asks first, to see that its key works."""

from ninja import Router

from parcours.accounts.models import Workspace
from parcours.api.brevo.shapes import AccountOut, Address, Relay
from parcours.api.envelope import ApiRequest
from parcours.delivery import queries as delivery

router = Router()


@router.get("", response=AccountOut, summary="Read the account")
def read_account(request: ApiRequest) -> AccountOut:
    """The workspace's name, and the address that it sends from."""
    workspace = Workspace.objects.get(pk=request.call.workspace_id)
    sending = delivery.sending(workspace.pk)
    return AccountOut(
        organization_id=workspace.slug,
        user_id=workspace.pk,
        enterprise=False,
        companyName=workspace.legal_name or workspace.name,
        email=sending.from_email if sending else "",
        firstName="",
        lastName="",
        address=Address(street=workspace.legal_address, city="", zipCode="", country=""),
        plan=[],
        relay=Relay(enabled=False, data={"userName": "", "relay": "", "port": 0}),
    )
