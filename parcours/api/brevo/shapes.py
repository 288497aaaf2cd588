"""What the calls take and give, under Brevo's names, which are not ours to choose. A field that we do not know is refused."""

from typing import Annotated, Any

from ninja import Schema
from pydantic import Field, StringConstraints

from parcours.api.schemas import Input, Instant

Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
ListId = Annotated[int, Field(ge=1, lt=2**31)]


class ContactIn(Input):
    """A new contact, or with `updateEnabled` one that may be known."""

    email: Short | None = None
    ext_id: Short | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, max_length=300)
    listIds: list[ListId] = Field(default_factory=list, max_length=100)
    emailBlacklisted: bool = False
    smsBlacklisted: bool = False
    updateEnabled: bool = False


class ContactChange(Input):
    """What shall be different about a contact."""

    ext_id: Short | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, max_length=300)
    listIds: list[ListId] = Field(default_factory=list, max_length=100)
    unlinkListIds: list[ListId] = Field(default_factory=list, max_length=100)
    emailBlacklisted: bool = False
    smsBlacklisted: bool = False


class Made(Schema):
    """The number of what was made."""

    id: int


class ContactOut(Schema):
    """A contact, as Brevo shows one. `statistics` is there because older clients need it, and empty: our pages have the figures."""

    id: int
    email: str | None
    emailBlacklisted: bool
    smsBlacklisted: bool
    createdAt: str
    modifiedAt: str
    listIds: list[int]
    attributes: dict[str, Any]
    statistics: dict[str, Any]


class ListIn(Input):
    """A list to make. There are no folders: any `folderId` is taken and none is kept."""

    name: Name
    folderId: int | None = None


class ListOut(Schema):
    """A list, always in the folder 1."""

    id: int
    name: str
    folderId: int
    uniqueSubscribers: int
    totalSubscribers: int
    totalBlacklisted: int


class ListsOut(Schema):
    """A page of lists, and how many there are."""

    lists: list[ListOut]
    count: int


class MembersIn(Input):
    """Whom to put on a list or take off it, in one of three ways."""

    emails: list[Short] = Field(default_factory=list, max_length=150)
    ids: list[int] = Field(default_factory=list, max_length=150)
    extIds: list[Short] = Field(default_factory=list, max_length=150)


class Members(Schema):
    """For whom it changed something, and for whom not."""

    success: list[str] | list[int]
    failure: list[str] | list[int]
    total: int


class MembersOut(Schema):
    """What became of a change of a list."""

    contacts: Members


class Identifiers(Input):
    """Whose event it is."""

    email_id: Short | None = None
    ext_id: Short | None = None


class EventIn(Input):
    """Something that a contact did."""

    event_name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    event_date: Instant | None = None
    identifiers: Identifiers
    contact_properties: dict[str, Any] = Field(default_factory=dict, max_length=300)
    event_properties: dict[str, Any] = Field(default_factory=dict)


class Party(Input):
    """An address with a name."""

    email: Short | None = None
    name: Annotated[str, StringConstraints(max_length=120)] = ""
    id: int | None = None


class EmailIn(Input):
    """One message to one person, with a template of the workspace or with words of its own."""

    to: list[Party] = Field(min_length=1)
    templateId: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    subject: Annotated[str, StringConstraints(max_length=400)] = ""
    htmlContent: Annotated[str, StringConstraints(max_length=500_000)] = ""
    textContent: Annotated[str, StringConstraints(max_length=200_000)] = ""
    preheader: Annotated[str, StringConstraints(max_length=400)] = ""
    params: dict[str, Any] = Field(default_factory=dict)
    sender: Party | None = None
    replyTo: Party | None = None
    tags: list[Annotated[str, StringConstraints(max_length=120)]] = Field(default_factory=list, max_length=20)
    headers: dict[str, str] = Field(default_factory=dict, max_length=50)


class EmailOut(Schema):
    """The Message-ID that the message has when it leaves."""

    messageId: str


class Address(Schema):
    """Where the sender is: one line is all that we keep of it."""

    street: str
    city: str
    zipCode: str
    country: str


class Relay(Schema):
    """Whether programs may hand over messages by SMTP: they may not, so there is nothing to say how."""

    enabled: bool
    data: dict[str, Any]


class AccountOut(Schema):
    """The workspace, as far as Brevo's account has a field for it. Nothing is sold here, so there is no plan."""

    organization_id: str
    user_id: int
    enterprise: bool
    companyName: str
    email: str
    firstName: str
    lastName: str
    address: Address
    plan: list[dict[str, Any]]
    relay: Relay
