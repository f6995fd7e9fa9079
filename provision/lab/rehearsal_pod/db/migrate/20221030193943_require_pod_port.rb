# -1 means the scheme's own port, so that (host, port) can be unique.
class RequirePodPort < ActiveRecord::Migration[6.1]
  def up
    execute "UPDATE pods SET port = -1 WHERE port IS NULL"
    change_column_default :pods, :port, -1
    change_column_null :pods, :port, false
  end

  def down
    change_column_null :pods, :port, true
    execute "UPDATE pods SET port = NULL WHERE port = -1"
  end
end
