"""The pages of an import: the list with the upload, what the columns are, progress and report, the refused rows as a file."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_noop

from parcours.accounts.types import Role
from parcours.contacts.importing import actions, queries, reading
from parcours.contacts.importing.errors import FileTooLarge
from parcours.contacts.types import ImportState
from parcours.kernel.errors import DomainError
from parcours.web import files
from parcours.web.access import StaffRequest, followed, needs
from parcours.web.contacts_import.forms import PlanForm, UploadForm
from parcours.web.forms import put

RECENT = 50
SHOWN_REFUSALS = 50
LIVE = frozenset({ImportState.MAPPED.value, ImportState.RUNNING.value})
REASONS = {
    "no_email": gettext_noop("There is no e-mail address in this row."),
    "bad_email": gettext_noop("This is not an e-mail address."),
    "bad_phone": gettext_noop("This is not a phone number."),
    "bad_external": gettext_noop("This cannot be an id."),
    "bad_language": gettext_noop("This is not a language; use two letters, such as fr."),
    "bad_time_zone": gettext_noop("This is not a time zone; use a name such as Europe/Paris."),
    "bad_source": gettext_noop("A source has at most 60 characters."),
    "bad_opt_out": gettext_noop("This is neither yes nor no."),
    "bad_text": gettext_noop("This text is too long, or holds characters that cannot be stored."),
    "bad_category": gettext_noop("This is not one of the values of this category."),
    "bad_number": gettext_noop("This is not a number."),
    "bad_date": gettext_noop("There is no such date."),
    "bad_boolean": gettext_noop("This is neither yes nor no."),
    "bad_list": gettext_noop("This list has too many items, or items that are too long."),
    "not_text": gettext_noop("This holds characters that are no text."),
    "too_many_cells": gettext_noop("This row has more cells than there are columns."),
    "unreadable": gettext_noop("The quotation marks of this row do not match."),
    "too_long": gettext_noop("This line is longer than 1 MB."),
    "duplicate": gettext_noop("This address comes again further down in the file; the last row counts."),
    "duplicate_opted_out": gettext_noop(
        "This address comes again further down in the file; the last row counts, but that this one has unsubscribed is kept."
    ),
}


@needs(Role.VIEWER)
def imports(request: StaffRequest) -> HttpResponse:
    """The recent imports, and the form that takes a file."""
    return _list(request, UploadForm())


@needs(Role.EDITOR, "POST")
def upload(request: StaffRequest) -> HttpResponse:
    """Keep a file and go on to its columns."""
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, form, status=422)
    file = form.cleaned_data["file"]
    try:
        if file.size > reading.MAX_BYTES:
            raise FileTooLarge(gettext("A file has at most 50 MB."), field="file")
        made = actions.upload(
            request.workspace.pk, file.name, file.read(), actor=request.actor, now=request.now
        )
    except DomainError as error:
        put(form, error, field="file")
        return _list(request, form, status=422)
    return redirect("import_mapping", request.workspace.slug, made.pk)


def _list(request: StaffRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    found = queries.imports(request.workspace.pk)[:RECENT]
    return render(request, "web/imports/list.html", {"imports": found, "form": form}, status=status)


@needs(Role.EDITOR, "GET", "POST")
def mapping(request: StaffRequest, import_id: UUID) -> HttpResponse:
    """What each column becomes, with the first rows beside it; agreeing starts the import."""
    run = queries.import_of(request.workspace.pk, import_id)
    if run.state != ImportState.UPLOADED.value:
        return redirect("import", request.workspace.slug, run.pk)
    preview = queries.preview(request.workspace.pk, run)
    form = PlanForm(request.workspace.pk, preview, request.POST or None)
    if request.method == "POST" and form.is_valid():
        plan = form.plan()
        try:
            actions.confirm(request.workspace.pk, run, plan, actor=request.actor, now=request.now)
        except DomainError as error:
            put(form, error, field="claim_source" if error.field == "source" else None)
        else:
            return redirect("import", request.workspace.slug, run.pk)
    context = {"import": run, "preview": preview, "form": form}
    return render(request, "web/imports/mapping.html", context, status=422 if form.errors else 200)


@needs(Role.VIEWER)
def one(request: StaffRequest, import_id: UUID) -> HttpResponse:
    """How far an import is, then what came of it."""
    return render(request, "web/imports/one.html", _progress_of(request, import_id))


@needs(Role.VIEWER)
def progress(request: StaffRequest, import_id: UUID) -> HttpResponse:
    """The part of the page that follows the import."""
    context = _progress_of(request, import_id)
    return followed(render(request, "web/imports/progress.html", context), is_live=bool(context["is_live"]))


def _progress_of(request: StaffRequest, import_id: UUID) -> dict[str, object]:
    run = queries.import_of(request.workspace.pk, import_id)
    refused = queries.refusals(run)
    return {
        "import": run,
        "is_live": run.state in LIVE,
        "may_cancel": run.state in LIVE or run.state == ImportState.UPLOADED.value,
        "pace": queries.pace(run, request.now),
        "refusals": [
            (each.line, gettext(REASONS.get(each.code, each.code)), each.value)
            for each in refused[:SHOWN_REFUSALS]
        ],
        "more": max(0, run.refused_count - SHOWN_REFUSALS),
    }


@needs(Role.EDITOR, "POST")
def cancel(request: StaffRequest, import_id: UUID) -> HttpResponse:
    """Stop it where it is."""
    run = queries.import_of(request.workspace.pk, import_id)
    actions.cancel(run, actor=request.actor, now=request.now)
    messages.success(request, gettext("Cancelled. Who was taken in stays."))
    return redirect("import", request.workspace.slug, run.pk)


@needs(Role.ANALYST)
def refusals(request: StaffRequest, import_id: UUID) -> StreamingHttpResponse:
    """The refused rows as CSV that a spreadsheet opens without running anything (reliability T12). Reading it writes nothing."""
    run = queries.import_of(request.workspace.pk, import_id)
    header = [gettext("Line"), gettext("Reason"), gettext("Value")]
    refused = (
        [str(each.line), gettext(REASONS.get(each.code, each.code)), each.value]
        for each in queries.refusals(run).iterator(2000)
    )
    return files.table(
        [header, *refused], f"refused-{run.pk}"
    )  # read now: a stream ends after this page's scope
