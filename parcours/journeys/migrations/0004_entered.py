"""How many runs entered each version, beside it: pages show it, and counting reads every run there ever was."""

from django.db import migrations, models

# As the owner, who is bound by row security too unless it is not forced: lifted for this transaction only. Of a version, which never
# changes, only this number may.
COUNT = """
ALTER TABLE journeys_version NO FORCE ROW LEVEL SECURITY;
ALTER TABLE journeys_run NO FORCE ROW LEVEL SECURITY;

UPDATE journeys_version v SET entered = r.entered
FROM (SELECT version_id, count(*) AS entered FROM journeys_run GROUP BY version_id) r
WHERE r.version_id = v.id;

SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE journeys_version FORCE ROW LEVEL SECURITY;
ALTER TABLE journeys_run FORCE ROW LEVEL SECURITY;

GRANT UPDATE (entered) ON journeys_version TO parcours_worker;
"""


class Migration(migrations.Migration):
    """The column, then its numbers."""

    dependencies = [("journeys", "0003_entries_and_trouble")]
    operations = [
        migrations.AddField("version", "entered", models.BigIntegerField(db_default=0)),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
